package main

import (
	"context"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"
)

// run is the program: it reads args, whose first is the program's own name, writes to stdout and
// stderr, and returns the exit code. It ends soon after ctx does.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	in := &invocation{stdout: stdout, log: newLogger(stderr), started: processStart()}
	err := commandLine(in, stderr).RunContext(ctx, args)
	if err == nil || unread(err) {
		return exitDone
	}
	code := exitCode(err)
	fmt.Fprintf(stderr, "vipctl: %v\n", err)
	if hint := hintFor(err); hint != "" {
		fmt.Fprintf(stderr, "hint: %s\n", hint)
	}
	return code
}

// commandLine describes the commands and their flags.
func commandLine(in *invocation, stderr io.Writer) *cli.App {
	return &cli.App{
		Name:                  "vipctl",
		Usage:                 "make a virtual IP follow the primary of a Patroni cluster",
		Writer:                in.stdout,
		ErrWriter:             stderr,
		HideVersion:           true,
		HideHelpCommand:       true,
		CustomAppHelpTemplate: cli.AppHelpTemplate + "\n" + exitCodesHelp,
		Flags:                 append(globalFlags(), &cli.BoolFlag{Name: "version", Usage: "print the version"}),
		ExitErrHandler:        func(*cli.Context, error) {},
		OnUsageError:          onUsageError,
		Before:                beforeAll,
		Action:                with(in, noCommand),
		Commands: []*cli.Command{
			callbackCommand(in), reconcileCommand(in), statusCommand(in), historyCommand(in),
			holdCommand(in), unholdCommand(in), claimCommand(in), releaseCommand(in),
			configCommand(in), versionCommand(in),
		},
	}
}

// beforeAll looks at what stands before the command.
func beforeAll(c *cli.Context) error {
	if c.Bool("version") && c.NArg() > 0 {
		return usageError{fmt.Errorf("got --version with %q, want it alone", c.Args().First())}
	}
	return noEmptyFlags(c)
}

// noCommand is what a line without a known command runs into.
func noCommand(in *invocation, c *cli.Context) error {
	word := c.Args().First()
	switch {
	case c.Bool("version"):
		return printVersion(in, c)
	case c.NArg() == 0:
		return cli.ShowAppHelp(c)
	case word == "help" || word == "h":
		return commandLine(in, c.App.ErrWriter).RunContext(c.Context, append(append([]string{c.App.Name}, c.Args().Tail()...), "--help"))
	}
	var commands []string
	for _, known := range c.App.Commands {
		commands = append(commands, known.Name)
	}
	return usageError{fmt.Errorf("unknown command %q%s (vipctl --help lists all)", word, didYouMean("", word, commands))}
}
