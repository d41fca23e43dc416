package main

import (
	"fmt"
	"runtime"

	"github.com/urfave/cli/v2"
)

// version is set by the Makefile's -ldflags.
var version = "dev"

func versionCommand(in *invocation) *cli.Command {
	return command(&cli.Command{
		Name:  "version",
		Usage: "print the version",
		Action: with(in, func(in *invocation, c *cli.Context) error {
			if err := noWords(c); err != nil {
				return err
			}
			return printVersion(in, c)
		}),
	})
}

func printVersion(in *invocation, _ *cli.Context) error {
	_, err := fmt.Fprintf(in.stdout, "vipctl %s %s/%s %s\n", version, runtime.GOOS, runtime.GOARCH, runtime.Version())
	return err
}
