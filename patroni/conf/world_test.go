package conf

import (
	"os"
	"path/filepath"
	"testing"
)

// write puts a file into a new folder and returns its path.
func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// member is the patroni.yml of member n1 of cluster demo, whose REST API listens at addr; extra is
// more of it.
func member(t testing.TB, addr, extra string) Source {
	t.Helper()
	return Source{Config: write(t, "patroni.yml", "scope: demo\nname: n1\nrestapi:\n  listen: '"+addr+"'\n"+extra)}
}

// readBare leaves out where the settings stand; TestTaken has that.
func readBare(from Source) (Settings, error) {
	s, err := Read(from, nil)
	s.From, s.TLS.From = Origins{}, TLSOrigins{}
	return s, err
}
