// Package conf reads Patroni's own configuration, and takes from it what vipctl needs.
//
// [Read] returns the [Settings] in use. The Find functions, [Callbacks] and [ReadListen] look at
// the same files for what Patroni itself would not read as it is meant. Every function reads the
// files anew, and may be called concurrently with the others.
//
// # What is read
//
// The configuration is a file or a folder of files, merged as Patroni merges them. The PATRONI_*
// variables of an EnvironmentFile are laid over it (see [Source]). Patroni's loader is PyYAML, and
// what that makes of a file is what counts here; e2e/oracle has Patroni itself judge. The process's
// own environment is never read: Patroni removes those variables before it runs a callback, and a
// privileged program must not believe its environment.
//
// # Where Patroni is asked
//
// A wildcard in restapi.listen is asked at 127.0.0.1, anything else at that address, since a
// Patroni that listens on one address does not answer on another. Where IPv6 sockets take no IPv4
// (net.ipv6.bindv6only=1), set patroni.url. The scheme is https where restapi.certfile is set.
//
// # TLS
//
// The CA is ctl.cacert, else restapi.cafile, else the system's; the client certificate is
// ctl.certfile with ctl.keyfile. That is what patronictl and Patroni's members use, too. Without
// ctl.certfile it is the REST API's own where Patroni wants one of everybody, as up to Patroni 3.0.
// ctl.insecure turns verification off, unless vipctl.yml names a CA of its own.
package conf
