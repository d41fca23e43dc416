"""What an operator does with python3-hcloud: look, assign, wait, look again; and the same with alias IPs."""
import sys

from hcloud import APIException, Client
from hcloud.networks.domain import Network
from hcloud.servers.domain import Server

endpoint, token = sys.argv[1:]
client = Client(token=token, api_endpoint=endpoint, poll_interval=0.05)

fip = client.floating_ips.get_by_name("pg-vip")
assert fip.ip == "203.0.113.5" and fip.type == "ipv4" and fip.server.id == 42, fip.data_model
assert fip.home_location.network_zone == "eu-central" and not fip.blocked
assert client.floating_ips.get_by_name("nobody") is None
assert len(client.floating_ips.get_all()) == 61  # three pages of 25

action = client.floating_ips.assign(fip, Server(id=41))
action.wait_until_finished()
assert action.status == "success", action.data_model
assert client.floating_ips.get_by_id(7).server.id == 41

server = client.servers.get_by_name("pg1")
assert server.public_net.ipv4.ip == "192.0.2.1" and 7 in [f.id for f in server.public_net.floating_ips]
assert server.private_net[0].ip == "10.0.1.2" and server.private_net[0].alias_ips == []
assert server.image.os_flavor == "debian" and server.server_type.cores == 2

network = client.networks.get_by_name("pg-net")
assert [s.id for s in network.servers] == [41, 42] and network.subnets[0].ip_range == "10.0.1.0/24"
server.change_alias_ips(Network(id=network.id), ["10.0.1.100"]).wait_until_finished()
assert client.servers.get_by_id(41).private_net[0].alias_ips == ["10.0.1.100"]

client.floating_ips.unassign(fip).wait_until_finished()
assert client.floating_ips.get_by_id(7).server is None

try:
    client.floating_ips.get_by_id(12345)
    raise SystemExit("a floating IP that there is not")
except APIException as e:
    assert e.code == "not_found", e
try:
    Client(token="wrong", api_endpoint=endpoint).servers.get_all()
    raise SystemExit("a wrong token was let in")
except APIException as e:
    assert e.code == "unauthorized", e
