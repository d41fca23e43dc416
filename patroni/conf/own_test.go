package conf

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// own are the addresses that a configuration gives this member, whatever else is wrong with it.
func own(from Source) []Own {
	s, _ := Read(from, nil)
	return s.Own.Known()
}

// TestOwn: addresses as such count, from whichever of the three settings; names, wildcards and
// postgresql.listen do not.
func TestOwn(t *testing.T) {
	for text, want := range map[string][]Own{
		"restapi: {listen: '*:8008'}": nil,
		"restapi: {listen: 'node1:8008', connect_address: 'node1.example:8008'}\npostgresql: {listen: '10.0.0.1:5432'}": nil,
		"restapi:\n  listen: 10.0.0.1:8008\n  connect_address: '[fd00::1]:8008'\npostgresql: {connect_address: '::ffff:10.0.0.3:5432'}": {
			{Addr: netip.MustParseAddr("fd00::1"), Setting: "restapi.connect_address", Where: ":4"},
			{Addr: netip.MustParseAddr("10.0.0.1"), Setting: "restapi.listen", Where: ":3"},
			{Addr: netip.MustParseAddr("10.0.0.3"), Setting: "postgresql.connect_address", Where: ":5"},
		},
		"restapi: {listen: '127.0.0.1:8008', connect_address: [10.0.0.1]}\npostgresql: {connect_address: 10.0.0.2}": {
			{Addr: netip.MustParseAddr("127.0.0.1"), Setting: "restapi.listen", Where: ":2"},
			{Addr: netip.MustParseAddr("10.0.0.2"), Setting: "postgresql.connect_address", Where: ":3"},
		},
	} {
		file := write(t, "patroni.yml", "scope: demo\n"+text)
		for i := range want {
			want[i].Where = file + want[i].Where
		}
		if got := own(Source{Config: file}); !slices.Equal(got, want) {
			t.Errorf("%s:\ngot  %v\nwant %v", text, got, want)
		}
	}
	env := write(t, "env", "PATRONI_POSTGRESQL_CONNECT_ADDRESS=10.0.0.1:5432\n")
	want := []Own{{Addr: netip.MustParseAddr("10.0.0.1"), Setting: "PATRONI_POSTGRESQL_CONNECT_ADDRESS", Where: env}}
	if got := own(Source{EnvironmentFile: env}); !slices.Equal(got, want) {
		t.Errorf("from the environment file: %v, want %v", got, want)
	}
	if got := own(Source{Config: "/nonexistent"}); got != nil {
		t.Errorf("without a file: %v", got)
	}
}

// Names are resolved where somebody asks for it, for as long as the context lets it.
func TestOwnNames(t *testing.T) {
	file := write(t, "patroni.yml", "scope: demo\nrestapi:\n  listen: 10.0.0.1:8008\n  connect_address: localhost:8008")
	s, _ := Read(Source{Config: file}, nil)
	own, errs := s.Own.Resolve(t.Context())
	want := Own{Addr: netip.MustParseAddr("127.0.0.1"), Host: "localhost", Setting: "restapi.connect_address", Where: file + ":4"}
	if len(errs) > 0 || !slices.Contains(own, want) {
		t.Errorf("got %v %v, want %v", own, errs, want)
	}

	file = write(t, "patroni.yml", "scope: demo\npostgresql: {connect_address: 'no-such.invalid:5432'}")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	s, _ = Read(Source{Config: file}, nil)
	own, errs = s.Own.Resolve(ended)
	if want := "postgresql.connect_address in " + file + ":2: lookup no-such.invalid"; own != nil || len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), want) {
		t.Errorf("%v %v, want %s...", own, errs, want)
	}
}
