// Package patroni asks Patroni's REST API who leads, and who is in the cluster. What patroni.yml
// says of it is read by the package conf below.
//
// A [Client] is cheap to make: patroni.yml, certificates and connections come into being when the
// first question needs them. Nothing here decides about a VIP; what went wrong on the way to a
// reply is part of the [reconcile.Word].
//
// # TLS
//
// On this host the certificate is verified for the host in restapi.connect_address, whatever
// address is dialled: that is the name under which the members know this REST API, so every
// certificate that works for them works here, and one for 127.0.0.1 is not needed. With an explicit
// URL, and for peers, it is verified for the host in the URL.
//
// A certificate that is out of date counts all the same, and so does one for another name at an
// address of this host's own: [Client.Warnings] and [Client.Findings] say it.
// docs/decisions/0007-certificates.md has what counts, and why.
package patroni
