// Package patroni asks Patroni's REST API for its word, and reads patroni.yml for where to ask.
//
// A [Client] is cheap to make: patroni.yml, certificates and connections come into being when the first question needs
// them. Nothing here decides about a VIP; what went wrong on the way to an answer is part of the [reconcile.Word].
//
// # Where it asks
//
// Patroni's own configuration says where: a file or a folder of files, merged as Patroni merges them, then PATRONI_*
// variables from an EnvironmentFile (see [Options]). Its loader is PyYAML, and what that makes of a file is what counts here;
// e2e/oracle has Patroni itself judge. The process's own environment is never read: Patroni removes those variables before it
// runs a callback, and a privileged program must not believe its environment.
// A wildcard in restapi.listen is asked at 127.0.0.1, anything else at that address, since a Patroni that listens on
// one address does not answer on another. Where IPv6 sockets take no IPv4 (net.ipv6.bindv6only=1), set patroni.url.
//
// # TLS
//
// The scheme is https where restapi.certfile is set. The CA is ctl.cacert, else restapi.cafile, else the system's; the
// client certificate is ctl.certfile with ctl.keyfile. That is what patronictl and Patroni's members use, too. Without
// ctl.certfile it is the REST API's own where Patroni wants one of everybody, as up to Patroni 3.0.
// On this host the certificate is verified for the host in restapi.connect_address, whatever address is dialled: that
// is the name under which the members know this REST API, so every certificate that works for them works here, and one
// for 127.0.0.1 is not needed. With an explicit URL, and for peers, it is verified for the host in the URL.
// ctl.insecure turns verification off, unless vipctl.yml names a CA of its own.
//
// A certificate that is out of date counts all the same, and so does one for another name at an address of this host's own:
// [Client.Oddities] and [Client.Findings] say it. docs/decisions/0007-certificates.md has what counts, and why.
package patroni
