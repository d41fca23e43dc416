package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/vipctl/vipctl/config"
	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/trust"
)

const defaultConfig = "/etc/vipctl/vipctl.yml"

// globalFlags stand before, after or between the words of the command. They have no default of
// their own: an unset one must not hide one that was set elsewhere on the line.
func globalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "config", Aliases: []string{"c"}, Usage: "read `FILE` (default: $VIPCTL_CONFIG, else " + defaultConfig + ")"},
		&cli.StringFlag{Name: "log-level", Usage: strings.Join(config.LogLevels(), ", ")},
		&cli.StringFlag{Name: "log-format", Usage: strings.Join(config.LogFormats(), ", ")},
	}
}

// command completes a subcommand with what all of them share.
func command(c *cli.Command) *cli.Command {
	c.Flags = append(c.Flags, globalFlags()...)
	c.OnUsageError = onUsageError
	c.Before = noEmptyFlags
	c.HideHelpCommand = true
	return c
}

// global is the value of a global flag, wherever on the line it stands.
func global(c *cli.Context, name string) string {
	for _, level := range c.Lineage() {
		if level.Command != nil && level.IsSet(name) {
			return level.String(name)
		}
	}
	return ""
}

// noEmptyFlags refuses --vip "", as an empty variable of a script leaves it: it must not mean every
// VIP.
func noEmptyFlags(c *cli.Context) error {
	for _, f := range c.Command.Flags {
		if f, ok := f.(*cli.StringFlag); ok && c.IsSet(f.Name) && c.String(f.Name) == "" {
			return usageError{fmt.Errorf("got --%s \"\", want a value, or no --%[1]s at all", f.Name)}
		}
	}
	return nil
}

// invalidValue is how the flag package words a value that it cannot parse. It gives no more than
// this text.
var invalidValue = regexp.MustCompile(`^invalid (?:boolean )?value (".*") for (?:flag )?-([a-z-]+): parse error$`)

// onUsageError says what was wanted instead of a flag that cannot be understood.
func onUsageError(c *cli.Context, err error, _ bool) error {
	if name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); ok {
		return usageError{fmt.Errorf("unknown flag %s%s (%s --help lists all)", reconcile.Printable(dashed(name)), didYouMean("--", name, flagNames(c)), c.Command.HelpName)}
	}
	if m := invalidValue.FindStringSubmatch(err.Error()); m != nil {
		return usageError{fmt.Errorf("got %s %s, want %s", dashed(m[2]), m[1], wanted(flagOf(c, m[2])))}
	}
	return usageError{errors.New(reconcile.Printable(err.Error()))}
}

// didYouMean suggests the word that text is a slip of; nothing where it is far from all of them.
func didYouMean(dashes, text string, words []string) string {
	if near := config.Closest(text, words); near != "" {
		return fmt.Sprintf(". Did you mean %q?", dashes+near)
	}
	return ""
}

// flagNames are the long names of the command's flags: every letter is a slip of another.
func flagNames(c *cli.Context) []string {
	var names []string
	for _, f := range c.Command.Flags {
		names = append(names, slices.DeleteFunc(slices.Clone(f.Names()), func(n string) bool { return len(n) == 1 })...)
	}
	return names
}

func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// flagOf is the command's flag of that name, nil where it has none.
func flagOf(c *cli.Context, name string) cli.Flag {
	for _, f := range c.Command.Flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

func wanted(f cli.Flag) string {
	switch f.(type) {
	case *cli.DurationFlag:
		return "a duration such as 36h, 30m or 90s"
	case *cli.IntFlag:
		return "a whole number"
	}
	return "true or false"
}

// noWords refuses arguments where a command takes none, and says which flag they may be for.
func noWords(c *cli.Context) error {
	if c.NArg() == 0 {
		return nil
	}
	return usageError{fmt.Errorf("%s: got %q, want no arguments%s", c.Command.FullName(), c.Args().Slice(), flagFor(c, c.Args().First()))}
}

func flagFor(c *cli.Context, word string) string {
	if reconcile.Printable(word) != word {
		return ""
	}
	_, err := time.ParseDuration(word)
	for _, name := range []string{"for", "since", "vip"} {
		if flagOf(c, name) != nil && (name == "vip") == (err != nil) {
			return fmt.Sprintf(" (write --%s %s)", name, trust.ShellWord(word))
		}
	}
	return ""
}

// either lists alternatives for people: "a, b or c".
func either(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
