package state

import (
	"encoding/json"
	"os"
	"testing"
)

func TestSettingsAreKept(t *testing.T) {
	s := openStore(t)
	got, err := s.PatroniSettings()
	check(t, err)
	equal(t, "no settings", got, nil)

	want := json.RawMessage(`{"scope":"a\u003cb","own":[{"addr":"10.0.0.1"}]}`)
	check(t, s.SavePatroniSettings(want))
	got, err = s.PatroniSettings()
	check(t, err)
	equal(t, "settings", string(got), string(want)) // byte by byte: what differs is written again
	info, err := os.Stat(s.files.File("patroni@settings.json"))
	check(t, err)
	equal(t, "mode", info.Mode(), 0o640)
	if _, err := s.VIPState("patroni@settings"); err == nil {
		t.Error("a VIP may be called like the settings")
	}
}

func TestSettingsOfAnotherBootAreIgnored(t *testing.T) {
	s := openStore(t)
	check(t, s.SavePatroniSettings(json.RawMessage(`{}`)))
	s.files.boot = "another"
	got, err := s.PatroniSettings()
	check(t, err)
	equal(t, "settings", got, nil)
}

// Settings may be led nowhere else by whoever owns the folder.
func TestSettingsBehindALinkAreRefused(t *testing.T) {
	s := openStore(t)
	check(t, s.SavePatroniSettings(json.RawMessage(`{}`)))
	check(t, os.Rename(s.files.File("patroni@settings.json"), s.files.File("elsewhere")))
	check(t, os.Symlink("elsewhere", s.files.File("patroni@settings.json")))
	if got, err := s.PatroniSettings(); err == nil || got != nil {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestDamagedSettingsAreAnErrorAndAreRepaired(t *testing.T) {
	for name, content := range damaged {
		t.Run(name, func(t *testing.T) {
			s := openStore(t)
			s.files.boot = "x"
			check(t, s.files.Make())
			check(t, os.WriteFile(s.files.File("patroni@settings.json"), []byte(content), 0o600))
			got, err := s.PatroniSettings()
			if got != nil || err == nil && name != "wrong type" { // no field of the settings is called so
				t.Fatalf("got %s, %v", got, err)
			}
			check(t, s.SavePatroniSettings(json.RawMessage(`{"scope":"a"}`)))
			got, err = s.PatroniSettings()
			check(t, err)
			equal(t, "repaired", string(got), `{"scope":"a"}`)
		})
	}
}
