// Package recipes tries what the pages tell people to do with other programs, on the real ones.
//
// It needs neither systemd as PID 1 nor a cluster: what a test starts runs in namespaces that last
// as long as the tests. Without root or without the packages a test is skipped and says what is
// missing (make deps installs it).
package recipes
