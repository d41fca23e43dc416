package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/state/folder"
)

// documentLimit bounds what is read and written: a VIP state has some hundred bytes, the cluster
// state with 100 peers about 10 KiB.
const documentLimit = 64 << 10

// bootField is a field of every document: the boot that its moments belong to.
const bootField = "boot"

// documents are JSON objects, each in a file of its own.
type documents struct {
	folder.Folder
	boot string // the present boot; empty where /proc does not say
}

func bootID() string {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return string(bytes.TrimSpace(id))
}

// load reads a document, as [Store] says.
func load[T any](d documents, name string) (T, error) {
	var zero, document T
	data, fields, err := d.fields(name)
	if err != nil || fields == nil {
		return zero, err
	}
	if err := json.Unmarshal(data, &document); err != nil {
		return zero, fmt.Errorf("read %s: %w", d.File(name+".json"), err)
	}
	return document, nil
}

// save replaces a document, as [Store] says.
func save[T any](d documents, name string, document T) error {
	_, fields, err := d.fields(name)
	if err != nil || fields == nil {
		fields = map[string]json.RawMessage{} // unreadable, or of another boot: nothing to keep
	}
	data, err := merge(fields, d.boot, document)
	if len(data) > documentLimit { // what others have left there must not keep this one from being saved
		data, err = merge(map[string]json.RawMessage{}, d.boot, document)
	}
	if err != nil {
		return fmt.Errorf("save %s: %w", name, err)
	}
	if len(data) > documentLimit {
		return fmt.Errorf("save %s: %d bytes, want at most %d", name, len(data), documentLimit)
	}
	if err := d.Write(name+".json", data); err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	d.Sweep()
	return nil
}

// fields returns a document and its fields by name, and nil where there is none of this boot.
func (d documents) fields(name string) (data []byte, fields map[string]json.RawMessage, err error) {
	file := name + ".json"
	data, err = d.Read(file, documentLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read state: %w", err)
	}
	fields, err = d.parse(data)
	if err != nil {
		return nil, nil, fmt.Errorf("read %s: %w", d.File(file), err)
	}
	return data, fields, nil
}

// parse returns a document's fields by name, and nil where they are of another boot.
func (d documents) parse(data []byte) (fields map[string]json.RawMessage, err error) {
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, err
	}
	var boot string
	if err := json.Unmarshal(fields[bootField], &boot); err != nil {
		return nil, fmt.Errorf("the field %q: %w", bootField, err)
	}
	if !d.thisBoot(boot) {
		return nil, nil
	}
	return fields, nil
}

// thisBoot reports whether a document is from this boot. Where /proc did not tell the writer or the
// reader (systemd's ProcSubset=pid hides it), a tmpfs is proof enough: it did not outlive a reboot.
func (d documents) thisBoot(boot string) bool {
	if boot != "" && d.boot != "" {
		return boot == d.boot
	}
	var st unix.Statfs_t
	return unix.Statfs(d.Path, &st) == nil && st.Type == unix.TMPFS_MAGIC
}

// merge puts the document's fields over those of the file that it replaces and leaves the ones it
// does not know.
func merge[T any](fields map[string]json.RawMessage, boot string, document T) ([]byte, error) {
	maps.DeleteFunc(fields, func(name string, _ json.RawMessage) bool { // an empty one is not written and must not live on
		return slices.ContainsFunc(fieldNames[T](), func(known string) bool { return strings.EqualFold(known, name) }) // as JSON is read
	})
	data, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, err
	}
	if fields[bootField], err = json.Marshal(boot); err != nil {
		return nil, err
	}
	data, err = json.Marshal(fields)
	return append(data, '\n'), err
}

// fieldNames returns the names that T's fields have in JSON.
func fieldNames[T any]() []string {
	t := reflect.TypeFor[T]()
	names := make([]string, 0, t.NumField())
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}
