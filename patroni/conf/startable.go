package conf

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/vipctl/vipctl/reconcile"
)

const unstartable = "; Patroni would not start with it, and a running one keeps what it has read before"

// consequence is what a wrong setting costs: Patroni starts with an address that no host has, but
// hands it to the others.
func consequence(p Problem) string {
	if strings.HasSuffix(strings.ToLower(p.Setting), "connect_address") {
		return "; with it the other members cannot reach this one, or Patroni does not start"
	}
	return unstartable
}

// FindUnstartable returns what would keep Patroni from starting with its configuration although
// vipctl can read it, as problems, and what in it is of no effect, as warnings. A Patroni that runs
// does not mind: it has read the files before. What vipctl cannot use either is the error of
// [Read].
func FindUnstartable(from Source) reconcile.Findings {
	var found reconcile.Findings
	for _, text := range texts(from) {
		for _, m := range loaderMistakes(text.data) {
			at := Origin{file: text.from, line: m.line}
			if m.level == reconcile.Problem {
				m.text += unstartable
			}
			found.Add(m.level, "%s: %s", at.place(), m.text)
		}
	}
	t, err := readTree(from)
	if err != nil || t.from == "" {
		return found
	}
	check := startCheck{reader{tree: t}}
	check.all()
	for _, p := range check.problems {
		level := reconcile.Problem
		if p.Got == "nothing" && (from.URL != "" || from.Scope != "" || from.Name != "") {
			level = reconcile.Warning // where vipctl.yml says some of it, an environment that vipctl does not know may say this
		}
		found.Add(level, "%s%s", p, consequence(p))
	}
	return found
}

// text is what one file, or PATRONI_CONFIGURATION, has.
type text struct {
	from string
	data []byte
}

// texts are those that Patroni would load, as far as they can be read.
func texts(from Source) (all []text) {
	if from.Config == "" {
		data, _ := ReadFile(from.EnvironmentFile)
		if variable := parseEnvironment(string(data))[configuration]; variable != "" {
			all = append(all, text{from.EnvironmentFile + ": " + configuration, []byte(variable)})
		}
		return all
	}
	files, _ := configFiles(from.Config)
	for _, file := range files {
		if data, err := ReadFile(file); err == nil {
			all = append(all, text{file, data})
		}
	}
	return all
}

// startCheck collects what Patroni needs and does not find, and the addresses that are none.
type startCheck struct{ reader }

func (c *startCheck) all() {
	for _, section := range []string{"restapi", "ctl", "postgresql"} {
		if e := c.entry(section); e.node != nil && e.node.Kind != yaml.MappingNode && !falsy(e.node) {
			c.wrong(section, "a section")
		}
	}
	for _, key := range []string{"postgresql.data_dir", "postgresql.listen"} {
		if c.text(key); c.absent(key) {
			c.demand(key, "a value (perhaps "+variableOf(key)+" stands in an environment file: set patroni.environment_file)")
		}
	}
	c.spaces("restapi.listen")
	c.hosts("postgresql.listen", true)
	for _, key := range []string{"restapi.connect_address", "postgresql.connect_address"} {
		c.hosts(key, false)
		c.spaces(key)
	}
	c.serving()
}

// serving notes what Python's ssl throws at, where the REST API speaks TLS.
func (c *startCheck) serving() {
	c.first("ctl.cacert")
	if certificate, _ := c.first("ctl.certfile", "restapi.certfile"); certificate != "" {
		c.first("ctl.keyfile")
	}
	if c.optional("restapi.certfile") == "" {
		return
	}
	c.first("restapi.cafile")
	c.text("restapi.keyfile_password")
	if c.text("restapi.keyfile") == "" && !c.absent("restapi.keyfile") {
		c.wrong("restapi.keyfile", "the file of the key, or no such setting")
	}
}

// hosts refuses an address that no host has. Where PostgreSQL listens there may be several, with
// one port.
func (c *startCheck) hosts(key string, several bool) {
	address := c.optional(key)
	if address == "" {
		return
	}
	all := []string{address}
	if i := strings.LastIndexByte(address, ':'); several && i > 0 {
		all = strings.Split(address[:i], ",")
		for j := range all {
			all[j] += address[i:]
		}
	}
	for _, one := range all {
		if _, _, err := splitHostPort(one); err != nil {
			c.wrong(key, "HOST:PORT as it is: Patroni fills in no variables and placeholders")
		}
	}
}

// spaces refuses those around a name or an IPv4 address, which splitHostPort ignores and glibc
// since 2.29 does not.
func (c *startCheck) spaces(key string) {
	address := c.optional(key)
	host := address[:max(0, strings.LastIndexByte(address, ':'))]
	if strings.TrimSpace(host) != host && !strings.Contains(host, ":") {
		c.wrong(key, "HOST:PORT without spaces around the host")
	}
}
