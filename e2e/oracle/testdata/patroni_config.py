"""Reads one question a line, {"config": PATH, "env": {...}}, and prints what Patroni makes of it, as far as it gets with a
start: the steps are those of Patroni's own code, without a socket, a DCS or a PostgreSQL."""
import json
import os
import re
import sys

from patroni.api import RestApiServer
from patroni.config import Config
from patroni.dcs import AbstractDCS
from patroni.request import PatroniRequest
from patroni.utils import split_host_port


class DCS(AbstractDCS):
    """Nothing but the paths."""


DCS.__abstractmethods__ = frozenset()


class Server(RestApiServer):
    """Nothing but the settings."""

    def __init__(self, config):
        self._RestApiServer__listen = None
        self._RestApiServer__ssl_options = None
        self._received_new_cert = False
        self.reload_config(config)

    def _RestApiServer__initialize(self, listen, ssl_options):
        self.host, self.port = split_host_port(listen, None)
        resolvable(self.host)
        self._RestApiServer__listen = listen
        self._RestApiServer__protocol = 'https' if ssl_options.get('certfile') else 'http'
        self.verify_client = ssl_options.get('verify_client')
        if ssl_options.get('certfile'):
            servable(**{n: ssl_options.get(n) for n in ('certfile', 'keyfile', 'cafile')})


def servable(certfile, keyfile, cafile):
    """Stands for load_cert_chain() and create_default_context(), without the files."""
    for value in (certfile, None if keyfile is None else keyfile or 0, cafile or None):
        if not (value is None or isinstance(value, str)):
            raise TypeError('%r should be a valid filesystem path' % (value,))


def resolvable(host):
    """Stands for getaddrinfo(), which would ask the network: names are taken for existing."""
    if host not in ('', '*') and ':' not in host and not re.fullmatch(r'[\w.-]+', host):
        raise ValueError('Name or service not known: %r' % host)


def postgresql(config):
    """What Postgresql and its ConfigHandler throw at (postgresql/__init__.py, postgresql/config.py)."""
    os.path.join(config['data_dir'], 'PG_VERSION')
    hosts, _ = split_host_port(config['listen'], 5432)
    for host in hosts.split(','):
        resolvable(host.strip())
    if config.get('connect_address'):
        host, _ = split_host_port(config['connect_address'], 5432)
        resolvable(host)


def settings(path):
    config = Config(path)
    dcs = dict(config.copy(), ttl=30, retry_timeout=10)
    paths = DCS(dcs)
    paths.member_path, paths.leader_path  # joined with the name
    server = Server(config['restapi'])
    resolvable(split_host_port(config['restapi'].get('connect_address') or ':1', 0)[0])
    postgresql(config['postgresql'])
    kw = PatroniRequest(config)._pool.connection_pool_kw
    for name in ('cert_file', 'key_file', 'ca_certs'):
        if not isinstance(kw.get(name, ''), str):
            raise TypeError(name)
    return {
        'scope': config['scope'], 'name': config['name'], 'data_dir': config['postgresql']['data_dir'],
        'host': server.host, 'port': server.port, 'https': server.connection_string.startswith('https'),
        'connect_host': split_host_port(config['restapi'].get('connect_address') or ':1', 0)[0],
        'ca': kw.get('ca_certs', ''), 'cert': kw.get('cert_file', ''), 'key': kw.get('key_file', ''),
        'cert_from_ctl': bool(config.get('ctl', {}).get('certfile')),
        'required': server.verify_client == 'required' and server.connection_string.startswith('https'),
    }


for line in sys.stdin:
    question = json.loads(line)
    for name in [n for n in os.environ if n.startswith('PATRONI_')]:
        del os.environ[name]
    os.environ.update(question['env'])
    try:
        answer = settings(question['config'])
    except Exception as e:
        answer = {'error': '%s: %s' % (type(e).__name__, str(e).replace('\n', ' '))}
    print(json.dumps(answer), flush=True)
