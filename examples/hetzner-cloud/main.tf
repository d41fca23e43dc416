# Three database hosts in Hetzner's Cloud, and a floating IP that vipctl moves. The project should hold nothing else: the
# token on the hosts can change everything in it.
#
#   terraform apply -var ssh_key=$HOME/.ssh/id_ed25519.pub
#
# The floating IP is assigned to nobody here, and Terraform must not assign it: no hcloud_floating_ip_assignment.

terraform {
  required_providers {
    hcloud = {
      source  = "hetznercloud/hcloud"
      version = "~> 1.50"
    }
  }
}

variable "ssh_key" {
  description = "File with the public key for root."
  type        = string
}

variable "location" {
  type    = string
  default = "fsn1"
}

locals {
  nodes = { pg1 = "10.0.1.11", pg2 = "10.0.1.12", pg3 = "10.0.1.13" }
}

resource "hcloud_ssh_key" "admin" {
  name       = "pg-admin"
  public_key = file(var.ssh_key)
}

resource "hcloud_network" "pg" {
  name     = "pg-net"
  ip_range = "10.0.0.0/16"
}

resource "hcloud_network_subnet" "pg" {
  network_id   = hcloud_network.pg.id
  type         = "cloud"
  network_zone = "eu-central"
  ip_range     = "10.0.1.0/24"
}

resource "hcloud_placement_group" "pg" {
  name = "pg"
  type = "spread"
}

resource "hcloud_floating_ip" "pg" {
  name          = "pg-vip"
  type          = "ipv4"
  home_location = var.location

  lifecycle {
    ignore_changes = [server_id] # vipctl's
  }
}

resource "hcloud_server" "pg" {
  for_each = local.nodes

  name               = each.key
  server_type        = "cpx21"
  image              = "debian-13"
  location           = var.location
  placement_group_id = hcloud_placement_group.pg.id
  ssh_keys           = [hcloud_ssh_key.admin.id]

  # No token in here: user data can be read by every process on the server.
  user_data = templatefile("${path.module}/cloud-init.yml", {
    vip = hcloud_floating_ip.pg.ip_address
  })

  network {
    network_id = hcloud_network.pg.id
    ip         = each.value
    alias_ips  = []
  }

  lifecycle {
    ignore_changes = [network] # with an alias IP, its alias_ips are vipctl's
  }

  depends_on = [hcloud_network_subnet.pg]
}

output "vip" {
  value = hcloud_floating_ip.pg.ip_address
}

output "nodes" {
  value = { for name, server in hcloud_server.pg : name => server.ipv4_address }
}
