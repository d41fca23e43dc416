package conf

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEncryptedKeys reads what openssl wrote; see testdata/keys/README.md.
func TestEncryptedKeys(t *testing.T) {
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join("testdata", "keys", name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	want := read("plain.pem")
	for _, name := range []string{"plain.pem", "aes256.pem", "aes128-sha1.pem", "aes192-sha512.pem"} {
		got, err := plainKey(read(name), "a password")
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, why := range map[string]string{
		"des3.pem":  "encrypted by PBES2 in an unknown way, want PBES2, PBKDF2 and AES-CBC; convert it: openssl pkcs8 -topk8 -v2 aes-256-cbc -in OLD -out NEW",
		"pbes1.pem": "encrypted by pbeWithMD5AndDES-CBC, which vipctl cannot read, want", "pkcs12.pem": "encrypted by pbeWithSHA1And3-KeyTripleDES-CBC, which",
		"traditional.pem": "OpenSSL's old format, which vipctl cannot read, want",
	} {
		if _, err := plainKey(read(name), "a password"); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := plainKey(read("aes256.pem"), "another"); err == nil {
		t.Error("a wrong password is taken")
	}
}
