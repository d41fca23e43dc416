package main

import (
	"io"

	"github.com/sirupsen/logrus"
	"github.com/urfave/cli/v2"

	"github.com/vipctl/vipctl/reconcile/policy"
)

// invocation is one call of the program: what every command works with.
type invocation struct {
	stdout  io.Writer
	log     *logrus.Logger
	started policy.Moment // when the process was forked
}

// with makes a command's action of a function. The context that a run ends with is that of c.
func with(in *invocation, do func(*invocation, *cli.Context) error) cli.ActionFunc {
	return func(c *cli.Context) error { return do(in, c) }
}
