package state

import (
	"encoding/json"
	"os"
	"testing"
)

func TestSettingsAreKept(t *testing.T) {
	n := openNotes(t)
	got, err := n.PatroniSettings()
	check(t, err)
	equal(t, "no settings", got, nil)

	want := json.RawMessage(`{"scope":"a\u003cb","own":[{"addr":"10.0.0.1"}]}`)
	check(t, n.SavePatroniSettings(want))
	got, err = n.PatroniSettings()
	check(t, err)
	equal(t, "settings", string(got), string(want)) // byte by byte: what differs is written again
	info, err := os.Stat(n.file("patroni@settings.json"))
	check(t, err)
	equal(t, "mode", info.Mode(), 0o640)
	if _, err := n.VIPState("patroni@settings"); err == nil {
		t.Error("a VIP may be called like the settings")
	}
}

func TestSettingsOfAnotherBootAreIgnored(t *testing.T) {
	n := openNotes(t)
	check(t, n.SavePatroniSettings(json.RawMessage(`{}`)))
	n.boot = "another"
	got, err := n.PatroniSettings()
	check(t, err)
	equal(t, "settings", got, nil)
}

// Settings may be led nowhere else by whoever owns the folder.
func TestSettingsBehindALinkAreRefused(t *testing.T) {
	n := openNotes(t)
	check(t, n.SavePatroniSettings(json.RawMessage(`{}`)))
	check(t, os.Rename(n.file("patroni@settings.json"), n.file("elsewhere")))
	check(t, os.Symlink("elsewhere", n.file("patroni@settings.json")))
	if got, err := n.PatroniSettings(); err == nil || got != nil {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestDamagedSettingsAreAnErrorAndAreRepaired(t *testing.T) {
	for name, content := range damaged {
		t.Run(name, func(t *testing.T) {
			n := openNotes(t)
			n.boot = "x"
			check(t, n.make())
			check(t, os.WriteFile(n.file("patroni@settings.json"), []byte(content), 0o600))
			got, err := n.PatroniSettings()
			if got != nil || err == nil && name != "wrong type" { // no field of the settings is called so
				t.Fatalf("got %s, %v", got, err)
			}
			check(t, n.SavePatroniSettings(json.RawMessage(`{"scope":"a"}`)))
			got, err = n.PatroniSettings()
			check(t, err)
			equal(t, "repaired", string(got), `{"scope":"a"}`)
		})
	}
}
