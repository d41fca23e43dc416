// Package config turns vipctl.yml into a checked [Config], or into every [Problem] that the file
// has, at once.
//
// It knows the shape of each value and nothing else: no file that vipctl.yml names is opened, no
// link is looked up, and what a role means is decided in package reconcile.
package config
