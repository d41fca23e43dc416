package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/urfave/cli/v2"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// FuzzCommandLine: a command line is carried out as it stands, or refused as wrong usage in
// printable lines. Nothing is guessed: a command runs with the flags that were given, and an empty
// one never means every VIP. The words are joined by zero bytes; the commands themselves are
// replaced by [watched].
func FuzzCommandLine(f *testing.F) {
	for _, line := range []string{
		"callback\x00on_role_change\x00primary\x00demo", "--config\x00/etc/vipctl/x.yml\x00status\x00--json", "hold\x00--for\x0030m\x00--vip=db", "hold\x005m",
		"claim\x00--force", "claim\x00--vip\x00", "release\x00--unassign\x00--vip=", "history\x00-n\x005\x00--since=2h", "config\x00check\x00--online", "config\x00chek",
		"reconcile\x00--dry-run\x00--json", "help\x00claim", "--version", "--version\x00claim", "versio", "status\x00--jsn", "status\x00--json=maybe", "hold\x00a\nb",
		"--\x1b[2J", "claim\x00--force=\n", "history\x00--limit\x00x\x1b", "", "-h", "status\x00--\x00--json", "claim\x00---force", "release\x00--vip\x00\xff", "config\x00\x1b",
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		args := strings.Split(line, "\x00")
		var stdout, stderr bytes.Buffer
		in := &invocation{stdout: &stdout, log: newLogger(&stderr)}
		app := commandLine(in, &stderr)
		ran := watched(t, app.Commands, args)
		err := app.RunContext(context.Background(), append([]string{"vipctl"}, args...))
		if err == nil {
			return
		}
		if *ran != "" {
			t.Errorf("%q: %s ran, and then %v", args, *ran, err)
		}
		if exitCode(err) != exitUsage {
			t.Errorf("%q: exit %d: %v", args, exitCode(err), err)
		}
		said, _, _ := strings.Cut(err.Error(), "\n\n") // what patroni.yml should say follows there
		if strings.ContainsFunc(said, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q: %q", args, said)
		}
	})
}

// watched replaces what commands do by a look at what they were given, and tells which one ran.
func watched(t *testing.T, commands []*cli.Command, args []string) *string {
	ran := new(string)
	for _, command := range commands {
		if command.Subcommands != nil {
			// The command itself refuses what follows it.
			for _, sub := range command.Subcommands {
				sub.Action = func(c *cli.Context) error { return look(t, c, args, ran) }
			}
			continue
		}
		command.Action = func(c *cli.Context) error { return look(t, c, args, ran) }
	}
	return ran
}

// look holds what a command was given against the line.
func look(t *testing.T, c *cli.Context, args []string, ran *string) error {
	if !slices.Contains(args, c.Command.Name) {
		t.Errorf("%q runs %s", args, c.Command.Name)
	}
	for _, flag := range c.Command.Flags {
		name := flag.Names()[0]
		if !c.IsSet(name) {
			continue
		}
		given := func(arg string) bool {
			return strings.HasPrefix(strings.TrimLeft(arg, "-"), name) || isAlias(flag, arg)
		}
		if !slices.ContainsFunc(args, given) {
			t.Errorf("%q: --%s is set", args, name)
		}
		if _, text := flag.(*cli.StringFlag); text && c.String(name) == "" {
			t.Errorf("%q: --%s is set to nothing", args, name)
		}
	}
	for _, word := range c.Args().Slice() {
		if !slices.Contains(args, word) {
			t.Errorf("%q: %q is an argument", args, word)
		}
	}
	if c.Command.Name != "callback" {
		if err := noWords(c); err != nil {
			return err
		}
	}
	*ran = c.Command.Name
	return nil
}

// isAlias reports whether an argument is a flag by its letter.
func isAlias(flag cli.Flag, arg string) bool {
	return slices.ContainsFunc(flag.Names()[1:], func(letter string) bool { return strings.HasPrefix(strings.TrimLeft(arg, "-"), letter) })
}

// FuzzParseStart: the process's start is read whatever the process is called.
func FuzzParseStart(f *testing.F) {
	f.Add("vipctl", uint32(12345))
	f.Add(") S 1 1 1 0 -1 4194560 1 0 0 0 1 0 0 0 20 0 1 0 777 (", uint32(1))
	f.Add("a b)\n(c", ^uint32(0))
	f.Fuzz(func(t *testing.T, name string, ticks uint32) {
		stat := fmt.Sprintf("7 (%s) S 1 7 7 0 -1 4194560 103 0 0 0 1 2 0 0 20 0 8 0 %d 1240000 512 18446744073709551615\n", name, ticks)
		want := policy.SinceBoot(time.Duration(ticks) * 10 * time.Millisecond)
		if got, ok := parseStart([]byte(stat)); !ok || got != want {
			t.Errorf("%q: %v, %v, want %v", stat, got, ok, want)
		}
		if _, ok := parseStart([]byte(name)); ok && len(strings.Fields(name)) < 20 {
			t.Errorf("%q is taken", name)
		}
	})
}
