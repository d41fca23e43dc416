package hetzner_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/vipctl/vipctl/hetzner"
)

const sentinel = "s3ntinel-t0ken-that-nobody-may-see"

func secretFile(t *testing.T, dir, text string, mode os.FileMode) string {
	t.Helper()
	f, err := os.CreateTemp(dir, "secret")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if err := f.Chmod(mode); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return f.Name()
}

// holder has a secret where fmt cannot ask it how it wants to be printed.
type holder struct {
	Public  hetzner.Secret
	private hetzner.Secret
	many    []hetzner.Secret
	byName  map[string]*hetzner.Secret
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	s := hetzner.NewSecret(sentinel)
	h := holder{s, s, []hetzner.Secret{s}, map[string]*hetzner.Secret{"x": &s}}
	for _, v := range []any{s, &s, h, &h, []any{s}, map[string]any{"a": s}, error(fmt.Errorf("about %v", s)), struct{ hetzner.Secret }{s}} {
		for _, verb := range strings.Split("v +v #v s q x X d t T p b o c U e f g 10s -5v", " ") {
			mustNotShow(t, fmt.Sprintf("%"+verb, v))
		}
		if data, err := json.Marshal(v); err == nil {
			mustNotShow(t, string(data))
		}
		if data, err := yaml.Marshal(v); err == nil {
			mustNotShow(t, string(data))
		}
	}
	if got := fmt.Sprintf("%s|%v|%#v", s, s, s); got != "[redacted]|[redacted]|[redacted]" {
		t.Errorf("got %s", got)
	}
	defer func() { mustNotShow(t, fmt.Sprint(recover())) }()
	panic(s)
}

func mustNotShow(t *testing.T, text string) {
	t.Helper()
	// %x of a string would show it in hexadecimal.
	for _, form := range []string{sentinel, fmt.Sprintf("%x", sentinel), fmt.Sprintf("%X", sentinel)} {
		if strings.Contains(text, form) {
			t.Errorf("shown: %s", text)
		}
	}
}

// A secret behind so much white space that it is not read to its end would be a wrong one.
func TestSecretBeyondTheLimit(t *testing.T) {
	file := secretFile(t, t.TempDir(), strings.Repeat(" ", 4080)+sentinel, 0o600)
	s, err := hetzner.SecretSource{File: file}.Load()
	if err == nil || !strings.Contains(err.Error(), "longer than 4096 bytes") {
		t.Errorf("%v, %v", s, err)
	}
}

func TestSecretFiles(t *testing.T) {
	dir := t.TempDir()
	for _, row := range []struct {
		text string
		mode os.FileMode
		err  string
	}{
		{sentinel, 0o600, ""},
		{sentinel + "\n", 0o640, ""},
		{"\t " + sentinel + "\r\n\n", 0o400, ""},
		{sentinel, 0o440, ""},
		{"pässwörd", 0o600, ""},
		{sentinel, 0o644, "chmod 0640"},
		{sentinel, 0o604, "chmod 0640"},
		{sentinel, 0o660, "chmod 0640"},
		{sentinel, 0o601, "chmod 0640"},
		{"", 0o600, "empty"},
		{" \n", 0o600, "empty"},
		{sentinel + " x", 0o600, "one secret and nothing else"},
		{sentinel + "\n" + sentinel, 0o600, "one secret and nothing else"},
		{sentinel + "\x00", 0o600, "one secret and nothing else"},
		{sentinel + "\xff", 0o600, "one secret and nothing else"},
		{strings.Repeat(sentinel, 1000), 0o600, "longer than"},
	} {
		_, err := hetzner.SecretSource{File: secretFile(t, dir, row.text, row.mode), Env: "UNUSED"}.Load()
		switch {
		case row.err == "" && err != nil:
			t.Errorf("%o %.40q: %v", row.mode, row.text, err)
		case row.err != "" && (err == nil || !strings.Contains(err.Error(), row.err)):
			t.Errorf("%o %.40q: error %v, want %q", row.mode, row.text, err, row.err)
		}
		if err != nil {
			mustNotShow(t, err.Error())
		}
	}
	for _, path := range []string{dir, filepath.Join(dir, "absent"), "/dev/null"} {
		if _, err := (hetzner.SecretSource{File: path}).Load(); err == nil || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestSecretSources(t *testing.T) {
	dir := t.TempDir()
	credential := filepath.Base(secretFile(t, dir, "from-systemd", 0o400))
	file := secretFile(t, dir, "from-file", 0o600)
	env := func(pairs ...string) func(string) string {
		return func(name string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == name {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
	both := env("CREDENTIALS_DIRECTORY", dir, "HCLOUD_TOKEN", "from-env")
	for _, row := range []struct {
		name   string
		source hetzner.SecretSource
		want   string // part of the request's header, or of the error
	}{
		{"file first", hetzner.SecretSource{File: file, Credential: credential, Env: "HCLOUD_TOKEN", Getenv: both}, "from-file"},
		{"then systemd", hetzner.SecretSource{Credential: credential, Env: "HCLOUD_TOKEN", Getenv: both}, "from-systemd"},
		{"then the environment", hetzner.SecretSource{Credential: "absent", Env: "HCLOUD_TOKEN", Getenv: both}, "from-env"},
		{"an environment that is not to be trusted", hetzner.SecretSource{Credential: credential, Env: "HCLOUD_TOKEN"}, "neither the systemd credential"},
		{"nowhere", hetzner.SecretSource{}, "name a file"},
		{"a file that is missing is no reason to look elsewhere", hetzner.SecretSource{File: "/nonexistent", Env: "HCLOUD_TOKEN", Getenv: both}, "/nonexistent"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, err := row.source.Load()
			if err != nil {
				if !strings.Contains(err.Error(), row.want) {
					t.Errorf("error %v, want %q", err, row.want)
				}
				return
			}
			if got := authorization(t, s); got != "Bearer "+row.want {
				t.Errorf("sent %q", got)
			}
		})
	}
}
