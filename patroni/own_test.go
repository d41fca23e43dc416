package patroni

import (
	"net/netip"
	"slices"
	"testing"
)

// TestOwn: addresses as such count, from whichever of the three settings; names, wildcards and postgresql.listen do not.
func TestOwn(t *testing.T) {
	for text, want := range map[string][]Own{
		"restapi: {listen: '*:8008'}": nil,
		"restapi: {listen: 'node1:8008', connect_address: 'node1.example:8008'}\npostgresql: {listen: '10.0.0.1:5432'}": nil,
		"restapi:\n  listen: 10.0.0.1:8008\n  connect_address: '[fd00::1]:8008'\npostgresql: {connect_address: '::ffff:10.0.0.3:5432'}": {
			{netip.MustParseAddr("fd00::1"), "restapi.connect_address", ":4"},
			{netip.MustParseAddr("10.0.0.1"), "restapi.listen", ":3"},
			{netip.MustParseAddr("10.0.0.3"), "postgresql.connect_address", ":5"},
		},
		"restapi: {listen: '127.0.0.1:8008', connect_address: [10.0.0.1]}\npostgresql: {connect_address: 10.0.0.2}": {
			{netip.MustParseAddr("127.0.0.1"), "restapi.listen", ":2"},
			{netip.MustParseAddr("10.0.0.2"), "postgresql.connect_address", ":3"},
		},
	} {
		file := write(t, "patroni.yml", "scope: demo\n"+text)
		for i := range want {
			want[i].Where = file + want[i].Where
		}
		if got := New(Options{Config: file}).Own(); !slices.Equal(got, want) {
			t.Errorf("%s:\ngot  %v\nwant %v", text, got, want)
		}
	}
	env := write(t, "env", "PATRONI_POSTGRESQL_CONNECT_ADDRESS=10.0.0.1:5432\n")
	want := []Own{{netip.MustParseAddr("10.0.0.1"), "PATRONI_POSTGRESQL_CONNECT_ADDRESS", env}}
	if got := New(Options{EnvironmentFile: env}).Own(); !slices.Equal(got, want) {
		t.Errorf("from the environment file: %v, want %v", got, want)
	}
	if got := New(Options{Config: "/nonexistent"}).Own(); got != nil {
		t.Errorf("without a file: %v", got)
	}
}
