package main

import (
	"fmt"
	"runtime"

	"github.com/urfave/cli/v2"
)

// version is set by the Makefile's -ldflags.
var version = "dev"

func (a *app) versionCommand() *cli.Command {
	return command(&cli.Command{
		Name:  "version",
		Usage: "print the version",
		Action: func(c *cli.Context) error {
			if err := noWords(c); err != nil {
				return err
			}
			return a.printVersion()
		},
	})
}

func (a *app) printVersion() error {
	_, err := fmt.Fprintf(a.stdout, "vipctl %s %s/%s %s\n", version, runtime.GOOS, runtime.GOARCH, runtime.Version())
	return err
}
