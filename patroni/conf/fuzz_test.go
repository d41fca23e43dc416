package conf

import (
	"bytes"
	"encoding/pem"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// sayable complains of a text for people that is not one printable line: whatever a file has in it
// must not move a terminal's cursor.
func sayable(t *testing.T, what, text string) {
	t.Helper()
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("%s: %q", what, text)
	}
}

// checkRead holds what is taken from a source against what the fields promise.
func checkRead(t *testing.T, from Source) {
	t.Helper()
	s, err := Read(from, nil)
	if err != nil {
		sayable(t, "error", err.Error())
	} else if s.Scope == "" || s.Name == "" {
		t.Errorf("nothing is wrong with %+v", s)
	}
	if u, bad := BaseURL(s.URL); s.URL != "" && (bad != nil || u.String() != s.URL) || s.URL == "" && err == nil {
		t.Errorf("URL %q: %v, %v", s.URL, u, bad)
	}
	if s.TLS.CertFile != "" && s.TLS.KeyFile == "" {
		t.Errorf("a certificate without a key: %+v", s.TLS)
	}
	for _, o := range s.Own.Known() {
		if o.Addr != bare(o.Addr) || o.Addr.IsUnspecified() || o.Setting == "" {
			t.Errorf("own address %+v", o)
		}
	}
	for _, taken := range s.Taken() {
		sayable(t, taken.Name, taken.Value+taken.Source)
	}
	if l := ReadListen(from); slices.ContainsFunc(l.Hosts, func(host string) bool { return strings.TrimSpace(host) == "" }) {
		t.Errorf("listens at %q", l.Hosts)
	}
}

// checkFound holds what the Find functions say against what people need.
func checkFound(t *testing.T, from Source) {
	t.Helper()
	commands, found := Callbacks(from, func() (map[string]any, error) { return nil, nil })
	for _, c := range commands {
		if len(c.Words) == 0 || !slices.Contains(callbackEvents[:], c.Event) {
			t.Errorf("command %+v", c)
		}
	}
	found = append(found, FindUnstartable(from)...)
	for _, f := range append(found, FindTwice(from)...) {
		sayable(t, "finding", f.Text)
	}
}

// fuzzFile lets a check loose on a file of up to 4 KiB: anchors can be piled up, and whoever writes
// patroni.yml runs the database. The file is on a tmpfs, for the disk would take a millisecond.
func fuzzFile(f *testing.F, check func(t *testing.T, file string)) {
	dir, err := os.MkdirTemp("/dev/shm", "conf-test-")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { os.RemoveAll(dir) })
	file := filepath.Join(dir, "patroni")
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 4096 {
			return
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		check(t, file)
	})
}

// FuzzReadYAML: what is taken from a patroni.yml can be used, and what is said of it can be said.
func FuzzReadYAML(f *testing.F) {
	addYAML(f)
	fuzzFile(f, func(t *testing.T, file string) { checkRead(t, Source{Config: file}) })
}

// FuzzFindings: what is found in a patroni.yml can be said, and commands can be run.
func FuzzFindings(f *testing.F) {
	addYAML(f)
	fuzzFile(f, func(t *testing.T, file string) { checkFound(t, Source{Config: file}) })
}

func addYAML(f *testing.F) {
	const full = "scope: demo\nname: n1\nrestapi:\n  listen: '*:8008'\n  connect_address: 10.0.0.1:8008\n  certfile: /r.crt\n  verify_client: required\n" +
		"ctl: {cacert: /c.ca, insecure: true, keyfile_password: hush}\npostgresql:\n  data_dir: /data\n  listen: 0.0.0.0,::1:5432\n" +
		"  connect_address: '[fd00::1]:5432'\n  callbacks: {on_start: \"/usr/bin/vipctl 'callback'\", on_stop: /a b}\n"
	f.Add(full)
	f.Add("a: &b {listen: '*:8008', <<: *b}\nrestapi: {<<: [*b, *b]}\nscope: x\nname: y\n")
	f.Add("%YAML 1.2\n---\na:\t0x_\n<<: 2026-02-30\n? [x]\n: =\n---\n&a b: !c &a d\n")
	f.Add("scope: !!int \"1\\n2\"\nname: !a%0Ab x\nrestapi: {listen: 'fe80::1%a b:8008'}\npostgresql: {callbacks: {\"on\\nstart\": a}}\n")
	f.Add("scope: \"a\\nb\"\nname: n1\n\"a\\eb\": {c: 1}\n\"a\\eb\": 2\nrestapi: {listen: '[[::1]:1'}\n\"on\\n.callbacks\": {on_start: x}\n")
}

// FuzzReadEnvironment: the same of an environment file.
func FuzzReadEnvironment(f *testing.F) {
	f.Add("PATRONI_SCOPE=demo\nPATRONI_NAME=\"n1\"\nPATRONI_RESTAPI_LISTEN='10.0.0.1:8008'\nPATRONI_RESTAPI_CERTFILE=/r.crt\nPATRONI_CTL_INSECURE=on\n" +
		"PATRONI_CTL_KEYFILE_PASSWORD=p\\ w\nPATRONI_POSTGRESQL_LISTEN=*:5432\nPATRONI_POSTGRESQL_CONNECT_ADDRESS=[::1]:5432\n")
	f.Add("PATRONI_CONFIGURATION='scope: demo\nname: n1\nrestapi: {listen: 10.0.0.1:8008}\n'\n")
	f.Add("PATRONI_SCOPE='a\nb'\nPATRONI_NAME=\x1b[2J\nPATRONI_RESTAPI_LISTEN=x:0\n")
	fuzzFile(f, func(t *testing.T, file string) {
		checkRead(t, Source{EnvironmentFile: file})
		checkFound(t, Source{EnvironmentFile: file})
	})
}

// FuzzParseEnvironment: what is read of a file is read again of one that has it in quotes.
func FuzzParseEnvironment(f *testing.F) {
	f.Add("A=\"b\\\"\" 'c' \\\nd\n#x\nB='")
	f.Add("PATRONI_SCOPE=demo\nPATRONI_NAME=\"n1\"\n;c\nPATRONI_CTL_KEYFILE_PASSWORD=p\\ w\n")
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`")
	f.Fuzz(func(t *testing.T, text string) {
		variables := parseEnvironment(text)
		var b strings.Builder
		for name, value := range variables {
			b.WriteString(name + `="` + quoted.Replace(value) + "\"\n")
		}
		if again := parseEnvironment(b.String()); !maps.Equal(variables, again) {
			t.Errorf("%q\nread    %q\nwritten %q\nread    %q", text, variables, b.String(), again)
		}
	})
}

// FuzzSplitWords: what a command is split into is what one with every word in quotes is split into.
func FuzzSplitWords(f *testing.F) {
	f.Add(`/usr/bin/vipctl --config '/etc/a b.yml' callback`)
	f.Add(`a\ b "c\"\\\d" ''`)
	f.Add(`'`)
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	f.Fuzz(func(t *testing.T, text string) {
		words, err := splitWords(text)
		if err != nil {
			sayable(t, "error", err.Error())
			return
		}
		var b strings.Builder
		for _, w := range words {
			b.WriteString(` "` + quoted.Replace(w) + `"`)
		}
		if again, err := splitWords(b.String()); err != nil || !slices.Equal(words, again) {
			t.Errorf("%q\nsplit %q\nagain %q, %v", text, words, again, err)
		}
	})
}

// FuzzSplitHostPort: an address that is taken has a host and a port that can be asked, and is taken
// apart in the same way again.
func FuzzSplitHostPort(f *testing.F) {
	for _, text := range []string{"*:8008", "10.0.0.1:8008", "[::1]:8008", "::1:8008", "fe80::1%eth0:1", "n1.example : 8008", "", "x:0", "[[::1]]:1", "nöde:8008"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		host, port, err := splitHostPort(text)
		if err != nil {
			sayable(t, "error", err.Error())
			return
		}
		if n, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || n == 0) {
			t.Errorf("%q: port %q", text, port)
		}
		sayable(t, "host", host)
		if strings.ContainsAny(host, " []/@?#") {
			t.Errorf("%q: host %q", text, host)
		}
		if port == "" {
			return
		}
		if again, same, err := splitHostPort(host + ":" + port); again != host || same != port || err != nil {
			t.Errorf("%q: %q %q, and then %q %q, %v", text, host, port, again, same, err)
		}
	})
}

// FuzzPEM: a file of keys or certificates is read, whatever is in it, and no key is decrypted
// without its password.
func FuzzPEM(f *testing.F) {
	keys, err := filepath.Glob("testdata/keys/*.pem")
	if err != nil || keys == nil {
		f.Fatal(keys, err)
	}
	for _, key := range keys {
		data, err := os.ReadFile(key)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, c := range certificates(data) {
			if len(c.Raw) == 0 || len(c.Raw) > len(data) {
				t.Errorf("a certificate of %d bytes in a file of %d", len(c.Raw), len(data))
			}
		}
		switch got, err := plainKey(data, ""); {
		case err != nil:
			sayable(t, "error", err.Error())
		case !bytes.Equal(got, data):
			t.Errorf("%q became %q", data, got)
		}
	})
}

// FuzzDecryptPKCS8: a locked key that is taken has parameters that this computer can bear, and what
// is decrypted is no longer than it was.
func FuzzDecryptPKCS8(f *testing.F) {
	for _, name := range []string{"aes256.pem", "aes128-sha1.pem", "aes192-sha512.pem", "des3.pem", "pbes1.pem"} {
		data, err := os.ReadFile(filepath.Join("testdata/keys", name))
		if err != nil {
			f.Fatal(err)
		}
		block, _ := pem.Decode(data)
		f.Add(block.Bytes)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		key, err := parsePKCS8(der)
		if err != nil {
			sayable(t, "error", err.Error())
			return
		}
		if key.iterations < 1 || key.iterations > maxIterations || len(key.iv) != 16 || !slices.Contains([]int{16, 24, 32}, key.length) {
			t.Errorf("%+v", key)
		}
		key.iterations = 1 // each takes its time
		if plain, err := key.decrypt("a password"); len(plain) > len(der) || err == nil && len(plain) >= len(key.data) {
			t.Errorf("%d bytes of %d, %v", len(plain), len(der), err)
		}
	})
}
