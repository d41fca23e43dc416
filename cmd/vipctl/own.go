package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/vipctl/vipctl/config"
	"github.com/vipctl/vipctl/patroni"
)

// refuseOwn refuses VIPs that are this node's own address by patroni.yml. A replica's tick would take it away, and the
// node off the network.
func (h *host) refuseOwn() error {
	var problems config.Problems
	own := h.patroni.Own()
	for i, v := range h.config.VIPs {
		for _, o := range own {
			if o.Addr == v.Prefix.Addr() {
				problems = append(problems, h.isOwn(fmt.Sprintf("vips[%d].address", i), o))
				break
			}
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return configError{problems}
}

// isOwn is the problem of one setting of vipctl.yml.
func (h *host) isOwn(setting string, o patroni.Own) config.Problem {
	p := config.Problem{
		File: h.path, Setting: setting, Got: fmt.Sprintf("%s, which is this node's own by %s in %s", o.Addr, o.Setting, o.Where),
		Want: "an address that is no node's own", Hint: "vipctl would remove it from every node that does not lead",
	}
	for _, s := range h.config.Settings() {
		if s.Name == setting {
			_, line, _ := strings.Cut(s.Source, ":")
			p.Line, _ = strconv.Atoi(line)
		}
	}
	return p
}
