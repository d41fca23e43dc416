package conf

import (
	"strings"
	"testing"
)

func TestEnvironmentFile(t *testing.T) {
	env := write(t, "patroni_env.conf", `PATRONI_SCOPE=demo
PATRONI_NAME="n1"
PATRONI_RESTAPI_LISTEN='10.0.0.1:8008'
PATRONI_RESTAPI_CERTFILE=/r.crt
PATRONI_CTL_INSECURE=perhaps
PATRONI_CTL_CACERT=
PATRONI_CTL_CERTFILE=/k
PATRONI_CTL_KEYFILE_PASSWORD=p\ w
PATRONI_POSTGRESQL_DATA_DIR=/data
PATRONI_ETCD3_HOSTS=x
`)
	want := Settings{Scope: "demo", Name: "n1", DataDir: "/data", URL: "https://10.0.0.1:8008", TLS: TLS{CAFile: "/c", CertFile: "/k", KeyFile: "/k", KeyPassword: "p w"}}
	file := write(t, "p.yml", "scope: other\nname: other\nrestapi: {listen: '*:1'}\nctl: {cacert: /c}\n")
	got, err := readBare(Source{Config: file, EnvironmentFile: env})
	got.Own = want.Own // TestOwn
	if err != nil || got != want {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
	}
	want.TLS.CAFile = ""
	got, err = readBare(Source{EnvironmentFile: env})
	got.Own = want.Own
	if err != nil || got != want {
		t.Errorf("without a file: %v\ngot  %+v\nwant %+v", err, got, want)
	}
	bad := write(t, "bad.conf", "PATRONI_SCOPE=demo\nPATRONI_NAME=n1\nPATRONI_RESTAPI_LISTEN=8008\n")
	_, err = Read(Source{EnvironmentFile: bad}, nil)
	if want := bad + `: PATRONI_RESTAPI_LISTEN: got "8008", want HOST:PORT, where Patroni's REST API listens`; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	t.Setenv("PATRONI_SCOPE", "from the process")
	if _, err := Read(Source{Config: file, EnvironmentFile: "/nonexistent"}, nil); err == nil || !strings.HasPrefix(err.Error(), "patroni.environment_file: got /nonexistent: ") {
		t.Errorf("a missing environment file: %v", err)
	}
	if got, _ := readBare(Source{Config: file}); got.Scope != "other" {
		t.Errorf("the process's environment counts: %q", got.Scope)
	}
}

func TestParseEnvironment(t *testing.T) {
	for text, want := range map[string]string{
		"A=b":                   "b",
		"A=b\r\n":               "b",
		" A = b c  \n":          "b c",
		"A=\n":                  "",
		"# A=x\n;A=y\nA=b":      "b",
		"A=b # no comment":      "b # no comment",
		"A=b\nA=c":              "c",
		"A='b  ' \n":            "b  ",
		`A="b \" \\ \$ \x" `:    `b " \ $ \x`,
		"A=\"b\\\nc\"":          "bc",
		"A=b\\\nc\n":            "bc",
		`A=b\ \ `:               "b  ",
		`A="b" 'c'`:             "bc",
		`A=b"c"`:                `b"c"`,
		"junk\nA=b":             "b",
		"A='b\nc'":              "b\nc",
		"export A=x\nA=b":       "b",
		"A=b\nB='unterminated":  "b",
		"A=b\nB=\"unterminated": "b",
		`A="b\`:                 "b",
		`A=b\`:                  "b",
		"A=$HOME":               "$HOME",
		"A=b#c;d":               "b#c;d",
	} {
		if got := parseEnvironment(text)["A"]; got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// TestOneVariable: PATRONI_CONFIGURATION counts where no file is named, and then alone.
func TestOneVariable(t *testing.T) {
	env := write(t, "env", "PATRONI_SCOPE=env\nPATRONI_CONFIGURATION='scope: demo\nname: n1\nrestapi: {listen: 10.0.0.1:8008}\n'\n")
	got, err := Read(Source{EnvironmentFile: env}, nil)
	if got.Scope != "demo" || got.URL != "http://10.0.0.1:8008" || err != nil || got.From.Name.String() != env+": PATRONI_CONFIGURATION: name" {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = Read(Source{EnvironmentFile: env, Config: write(t, "p.yml", "name: n1\nrestapi: {listen: '*:8008'}\n")}, nil)
	if got.Scope != "env" || got.URL != "http://127.0.0.1:8008" || err != nil {
		t.Errorf("beside a file: %+v, %v", got, err)
	}
}
