package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/vipctl/vipctl/config"
	"github.com/vipctl/vipctl/trust"
)

// noEmptyFlags refuses --vip "", as an empty variable of a script leaves it: it must not mean every VIP.
func noEmptyFlags(c *cli.Context) error {
	for _, f := range c.Command.Flags {
		if f, ok := f.(*cli.StringFlag); ok && c.IsSet(f.Name) && c.String(f.Name) == "" {
			return usageError{fmt.Errorf("got --%s \"\", want a value, or no --%[1]s at all", f.Name)}
		}
	}
	return nil
}

// invalidValue is how the flag package words a value that it cannot parse. It gives no more than this text.
var invalidValue = regexp.MustCompile(`^invalid (?:boolean )?value (".*") for (?:flag )?-([a-z-]+): parse error$`)

// onUsageError says what was wanted instead of a flag that cannot be understood.
func onUsageError(c *cli.Context, err error, _ bool) error {
	if name, ok := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); ok {
		return usageError{fmt.Errorf("unknown flag %s%s (%s --help lists all)", dashed(name), didYouMean("--", name, flagNames(c)), c.Command.HelpName)}
	}
	if m := invalidValue.FindStringSubmatch(err.Error()); m != nil {
		return usageError{fmt.Errorf("got %s %s, want %s", dashed(m[2]), m[1], wanted(flagOf(c, m[2])))}
	}
	return usageError{err}
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

// beforeAll looks at what stands before the command.
func beforeAll(c *cli.Context) error {
	if c.Bool("version") && c.NArg() > 0 {
		return usageError{fmt.Errorf("got --version with %q, want it alone", c.Args().First())}
	}
	return noEmptyFlags(c)
}

// noCommand is what a line without a known command runs into.
func (a *app) noCommand(c *cli.Context) error {
	word := c.Args().First()
	switch {
	case c.Bool("version"):
		return a.printVersion()
	case c.NArg() == 0:
		return cli.ShowAppHelp(c)
	case word == "help" || word == "h":
		return a.cli().RunContext(a.ctx, append(append([]string{c.App.Name}, c.Args().Tail()...), "--help"))
	}
	var commands []string
	for _, known := range c.App.Commands {
		commands = append(commands, known.Name)
	}
	return usageError{fmt.Errorf("unknown command %q%s (vipctl --help lists all)", word, didYouMean("", word, commands))}
}

// noWords refuses arguments where a command takes none, and says which flag they may be for.
func noWords(c *cli.Context) error {
	if c.NArg() == 0 {
		return nil
	}
	return usageError{fmt.Errorf("%s: got %q, want no arguments%s", c.Command.FullName(), c.Args().Slice(), flagFor(c, c.Args().First()))}
}

func flagFor(c *cli.Context, word string) string {
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
