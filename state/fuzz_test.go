package state

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// FuzzDocuments: a document that can be read comes back as it was saved, with the fields that this
// vipctl does not know. One that cannot be read is an error that can be told, and is repaired.
func FuzzDocuments(f *testing.F) {
	for kind, text := range []string{
		`{"boot":"x","generation":7,"phase":"claimed","claimed":9,"ours":true,"answering":["02:00:00:00:00:01"],"of_tomorrow":{"by":"ann"},` +
			`"repeats":{"claim leader":{"since":"2026-11-27T00:00:00Z","last":5,"times":2}},"hold":{"by":"ann","until":7},"hand_over":{"generation":7,"began":1,"until":2,"how":"x"}}`,
		`{"boot":"x","reply":{"kind":"leader","role":"primary","dcs_last_seen":1795209628,"at":5},"leading":{"kind":""},"timing":{"TTL":30000000000},` +
			`"unproven":{"since":4,"why":"w"},"peers":[{"name":"n2","url":"http://10.0.0.2:8008"}],"callback":{"event":"on_start"},"warned":["w"]}`,
		`{"boot":"x","generation":3,"failure":"f","begun":1,"last":{"ours":true,"holder":"server 41","quota":{"limit":3600}},"provider":{"target": 7, "why":"<&>"}}`,
		`{"boot":"x","settings":{"from":{"config":"/etc/patroni.yml"},"scope":"<demo>"}}`,
		`{"boot":"x","paid":20000000000}`,
	} {
		f.Add(uint8(kind), []byte(text))
	}
	for _, text := range damaged {
		if len(text) < documentLimit {
			f.Add(uint8(0), []byte(text))
		}
	}
	f.Add(uint8(0), []byte(`{"boot":"x","Phase":"claimed","GENERATION":7,"generation":8,"phase":null}`))
	f.Add(uint8(0), []byte(`{"boot":"y","BOOT":"x","claimed":null,"\u001b":1}`))
	d := documents{boot: "x"}
	d.Path = "/run/vipctl"
	f.Fuzz(func(t *testing.T, kind uint8, data []byte) {
		switch kind % 5 {
		case 0:
			checkDocument[policy.VIPState](t, d, data)
		case 1:
			checkDocument[policy.ClusterState](t, d, data)
		case 2:
			checkDocument[reconcile.RouteMemo](t, d, data)
		case 3:
			checkDocument[settings](t, d, data)
		case 4:
			checkDocument[account](t, d, data)
		}
	})
}

// checkDocument does what load and save do, but for the files.
func checkDocument[T any](t *testing.T, d documents, data []byte) {
	t.Helper()
	var document T
	fields, err := d.parse(data)
	if err == nil && fields != nil {
		err = json.Unmarshal(data, &document)
	}
	if err != nil {
		if strings.ContainsFunc(err.Error(), func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("error: %q", err)
		}
		document = *new(T)
	}
	checkSaved(t, d, maps.Clone(fields), document)
	checkSaved(t, d, maps.Clone(fields), *new(T)) // an empty field overwrites a full one
}

// checkSaved puts a document over fields, and reads what comes of it.
func checkSaved[T any](t *testing.T, d documents, fields map[string]json.RawMessage, document T) {
	t.Helper()
	if fields == nil {
		fields = map[string]json.RawMessage{}
	}
	foreign := foreignOf[T](fields)
	saved, err := merge(fields, d.boot, document)
	if err != nil {
		t.Fatalf("%+v cannot be saved: %v", document, err)
	}
	read, err := d.parse(saved)
	var again T
	if err == nil {
		err = json.Unmarshal(saved, &again)
	}
	if err != nil || asJSON(again) != asJSON(document) {
		t.Errorf("%v\nsaved %s\nof    %s\nread  %s", err, saved, asJSON(document), asJSON(again))
	}
	if kept := foreignOf[T](read); !reflect.DeepEqual(kept, foreign) {
		t.Errorf("kept %q of %q", kept, foreign)
	}
}

// foreignOf are the fields that T does not have, and what they are.
func foreignOf[T any](fields map[string]json.RawMessage) map[string]any {
	all := map[string]any{}
	for name, raw := range fields {
		known := func(k string) bool { return strings.EqualFold(k, name) }
		if name != bootField && !slices.ContainsFunc(fieldNames[T](), known) {
			var value any
			if err := json.Unmarshal(raw, &value); err != nil {
				panic(fmt.Sprint(string(raw), err))
			}
			all[name] = value
		}
	}
	return all
}

func asJSON(v any) string {
	data, err := json.Marshal(v)
	return fmt.Sprint(string(data), err)
}
