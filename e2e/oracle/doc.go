// Package oracle has clients by other hands judge the fake of hetzner/hetznertest: hcloud-go, Debian's hcloud-cli and
// python3-hcloud, and the curl lines of the Robot webservice's manual. It is a module of its own, so that the product
// does not depend on them.
package oracle
