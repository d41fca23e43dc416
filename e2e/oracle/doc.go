// Package oracle has programs by other hands judge this product. Patroni's own loader, in Debian's
// package, judges how patroni.yml is read. hcloud-go, Debian's hcloud-cli and python3-hcloud, and
// the curl lines of the Robot webservice's manual judge the fake of hetzner/hetznertest. It is a
// module of its own, so that the product does not depend on them.
package oracle
