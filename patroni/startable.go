package patroni

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/vipctl/vipctl/reconcile"
)

const unstartable = "; Patroni would not start with it, and a running one keeps what it has read before"

// consequence is what a wrong setting costs: Patroni starts with an address that no host has, but hands it to the others.
func consequence(p Problem) string {
	if strings.HasSuffix(strings.ToLower(p.Setting), "connect_address") {
		return "; with it the other members cannot reach this one, or Patroni does not start"
	}
	return unstartable
}

// Startable returns what would keep Patroni from starting with its configuration although vipctl can read it, as problems,
// and what in it is of no effect, as warnings. A Patroni that runs does not mind: it has read the files before. What vipctl
// cannot use either is the error of [Client.Check].
func (c *Client) Startable() reconcile.Findings {
	var found reconcile.Findings
	for _, text := range c.opts.texts() {
		for _, m := range loaderMistakes(text.data) {
			at := origin{file: text.from, line: m.line}
			if m.level == reconcile.Problem {
				m.text += unstartable
			}
			found.Add(m.level, "%s: %s", at.place(), m.text)
		}
	}
	t, err := readTree(c.opts)
	if err != nil || t.from == "" {
		return found
	}
	t.startable()
	for _, p := range t.problems {
		level := reconcile.Problem
		if p.Got == "nothing" && (c.opts.URL != "" || c.opts.Scope != "" || c.opts.Name != "") {
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
func (o Options) texts() (all []text) {
	if o.Config == "" {
		data, _ := readFile(o.EnvironmentFile)
		if variable := parseEnvironment(string(data))[configuration]; variable != "" {
			all = append(all, text{o.EnvironmentFile + ": " + configuration, []byte(variable)})
		}
		return all
	}
	files, _ := configFiles(o.Config)
	for _, file := range files {
		if data, err := readFile(file); err == nil {
			all = append(all, text{file, data})
		}
	}
	return all
}

// startable notes what Patroni needs and does not find, and the addresses that are none.
func (t *tree) startable() {
	for _, section := range []string{"restapi", "ctl", "postgresql"} {
		if e := t.entry(section); e.node != nil && e.node.Kind != yaml.MappingNode && !falsy(e.node) {
			t.wrong(section, "a section")
		}
	}
	for _, key := range []string{"postgresql.data_dir", "postgresql.listen"} {
		if t.text(key); t.absent(key) {
			t.demand(key, "a value (perhaps "+variableOf(key)+" stands in an environment file: set patroni.environment_file)")
		}
	}
	t.spaces("restapi.listen")
	t.hosts("postgresql.listen", true)
	for _, key := range []string{"restapi.connect_address", "postgresql.connect_address"} {
		t.hosts(key, false)
		t.spaces(key)
	}
	t.serving()
}

// serving notes what Python's ssl throws at, where the REST API speaks TLS.
func (t *tree) serving() {
	t.first("ctl.cacert")
	if certificate, _ := t.first("ctl.certfile", "restapi.certfile"); certificate != "" {
		t.first("ctl.keyfile")
	}
	if t.optional("restapi.certfile") == "" {
		return
	}
	t.first("restapi.cafile")
	t.text("restapi.keyfile_password")
	if t.text("restapi.keyfile") == "" && !t.absent("restapi.keyfile") {
		t.wrong("restapi.keyfile", "the file of the key, or no such setting")
	}
}

// hosts refuses an address that no host has. Where PostgreSQL listens there may be several, with one port.
func (t *tree) hosts(key string, several bool) {
	address := t.optional(key)
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
			t.wrong(key, "HOST:PORT as it is: Patroni fills in no variables and placeholders")
		}
	}
}

// spaces refuses those around a name or an IPv4 address, which [splitHostPort] ignores and glibc since 2.29 does not.
func (t *tree) spaces(key string) {
	address := t.optional(key)
	host := address[:max(0, strings.LastIndexByte(address, ':'))]
	if strings.TrimSpace(host) != host && !strings.Contains(host, ":") {
		t.wrong(key, "HOST:PORT without spaces around the host")
	}
}
