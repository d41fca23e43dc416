package trust

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// TestStatusOfManyGroups: Linux lets a process have 65536 of them, and shows them on one line.
func TestStatusOfManyGroups(t *testing.T) {
	want := Credentials{UID: 7, groups: make([]uint32, 1<<16), permitted: Needed, noNewPrivileges: true}
	if got := parseStatus(statusText("patroni", want)); !reflect.DeepEqual(got, want) {
		t.Errorf("uid %d, %d groups, permitted %x, no new privileges: %v", got.UID, len(got.groups), got.permitted, got.noNewPrivileges)
	}
}

// FuzzStatus: what the kernel shows of a process is read, whatever the process is called.
func FuzzStatus(f *testing.F) {
	f.Add("patroni", uint32(105), uint32(112), uint8(3), uint64(1<<12), uint64(1<<13), uint64(1), ^uint64(0), true)
	f.Add("a\nUid:\t0\t0\t0\t0", ^uint32(0), uint32(0), uint8(0), uint64(0), uint64(0), uint64(0), uint64(0), false)
	f.Fuzz(func(t *testing.T, name string, uid, gid uint32, groups uint8, inheritable, permitted, ambient, bounding uint64, noNewPrivileges bool) {
		want := Credentials{UID: uid, GID: gid, inheritable: inheritable, permitted: permitted, ambient: ambient, bounding: bounding, noNewPrivileges: noNewPrivileges}
		for i := range uint32(groups) {
			want.groups = append(want.groups, ^i)
		}
		if got := parseStatus(statusText(name, want)); !reflect.DeepEqual(got, want) {
			t.Errorf("got %.200v\nwant %.200v", got, want)
		}
	})
}

// statusText is /proc/PID/status as the kernel writes it (fs/proc/array.c), with what is read of it
// and some more. A newline and a backslash in the name are escaped there.
func statusText(name string, c Credentials) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "Name:\t%s\nUmask:\t0022\nState:\tS (sleeping)\nPid:\t7\n", strings.NewReplacer("\n", `\n`, `\`, `\\`).Replace(name))
	fmt.Fprintf(&b, "Uid:\t1\t%d\t2\t3\nGid:\t1\t%d\t2\t3\nFDSize:\t64\nGroups:\t", c.UID, c.GID)
	for _, g := range c.groups {
		fmt.Fprintf(&b, "%d ", g)
	}
	nnp := 0
	if c.noNewPrivileges {
		nnp = 1
	}
	fmt.Fprintf(&b, "\nNStgid:\t7\nCapInh:\t%016x\nCapPrm:\t%016x\nCapEff:\t%016x\nCapBnd:\t%016x\nCapAmb:\t%016x\nNoNewPrivs:\t%d\nSeccomp:\t0\n",
		c.inheritable, c.permitted, c.permitted, c.bounding, c.ambient, nnp)
	return []byte(b.String())
}

// FuzzStatusBytes: nothing in the text of another process makes us fall over, or gives it more
// groups than it has words.
func FuzzStatusBytes(f *testing.F) {
	f.Add(statusText("patroni", Credentials{UID: 7, groups: []uint32{1, 2}}))
	f.Add([]byte("Groups:\t-1 99999999999 x\nGroups: 1\nCapInh:\tzz\nUid:\nNoNewPrivs"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if c := parseStatus(data); len(c.groups) > len(strings.Fields(string(data))) {
			t.Errorf("%q: %v", data, c)
		}
	})
}

// FuzzCapabilities: an attribute that setcap wrote is read as it was written, and one that is cut
// short is none.
func FuzzCapabilities(f *testing.F) {
	f.Add(uint64(Needed), uint64(0), true, uint8(20))
	f.Add(^uint64(0), uint64(1<<40), false, uint8(24))
	f.Add(uint64(Needed), uint64(0), true, uint8(19))
	f.Fuzz(func(t *testing.T, permitted, inheritable uint64, effective bool, length uint8) {
		flags := uint32(0x02000000) // VFS_CAP_REVISION_2
		if effective {
			flags |= 1
		}
		var data []byte
		for _, word := range []uint32{flags, uint32(permitted), uint32(inheritable), uint32(permitted >> 32), uint32(inheritable >> 32), 0} {
			data = binary.LittleEndian.AppendUint32(data, word)
		}
		data = data[:min(int(length), len(data))]
		want := Program{}
		if len(data) >= 20 {
			want = Program{given: true, permitted: permitted, inheritable: inheritable, effective: effective}
		}
		if got := parseCapabilities(data); got != want {
			t.Errorf("%x: got %+v, want %+v", data, got, want)
		}
	})
}

// FuzzShellWord: a shell reads the word that it is given.
func FuzzShellWord(f *testing.F) {
	for _, word := range []string{"", "/a b'c", "vipctl.yml", "$(x)`y`", "a\nb", "\x1b[2J", "ä", "\xff"} {
		f.Add(word)
	}
	f.Fuzz(func(t *testing.T, word string) {
		quoted := ShellWord(word)
		if got := unquote(quoted); quoted == "" || got != word {
			t.Errorf("%q is written %q, and read %q", word, quoted, got)
		}
	})
}

// unquote reads a word as sh(1) does: within single quotes everything stands for itself, outside of
// them a backslash protects the next character.
func unquote(text string) string {
	var b strings.Builder
	inside := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\'':
			inside = !inside
		case c == '\\' && !inside && i+1 < len(text):
			i++
			b.WriteByte(text[i])
		case !inside && strings.IndexByte(" \t\n$`\"|&;<>()*?[#~%!{}", c) >= 0:
			return "not one word"
		default:
			b.WriteByte(c)
		}
	}
	if inside {
		return "not closed"
	}
	return b.String()
}
