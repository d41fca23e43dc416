package oracle

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// TestPatroniReadsTheSame: for several hundred configurations, odd in every way that the field has
// shown and in some that it has not, vipctl takes what Patroni's own loader takes, and says of each
// that stops Patroni that it does.
func TestPatroniReadsTheSame(t *testing.T) {
	l := newLoader(t)
	g := generator{rand.New(rand.NewPCG(9, 11))}
	starts := 0
	const all = 800
	for range all {
		if compare(t, l, g.configuration()) {
			starts++
		}
	}
	if starts < all/4 || starts > 3*all/4 {
		t.Errorf("Patroni would start with %d of %d: this tests one side only", starts, all)
	}
}

// generator makes configurations, always the same ones.
type generator struct{ *rand.Rand }

func (g generator) pick(of ...string) string { return of[g.IntN(len(of))] }

// now reports true in so many of 100 cases.
func (g generator) now(percent int) bool { return g.IntN(100) < percent }

func (g generator) configuration() configuration {
	c := configuration{env: map[string]string{}}
	switch {
	case g.now(8):
		c.env["PATRONI_CONFIGURATION"] = strings.ReplaceAll(g.file(), "'", `"`)
	case g.now(8):
		g.variables(c.env, 90)
		return c
	default:
		c.files = append(c.files, g.file())
	}
	if g.now(25) && len(c.files) > 0 {
		c.files = append(c.files, g.part())
	}
	if g.now(30) {
		g.variables(c.env, 15)
	}
	return c
}

// file is a whole patroni.yml, with one thing wrong with it now and then.
func (g generator) file() string {
	sections := []string{
		"scope: " + g.text("demo", "15-main") + "\n",
		"name: " + g.text("n1", "node1.example") + "\n",
		"restapi:" + g.section(g.restapi()),
		"postgresql:" + g.section(g.postgresql()),
		"bootstrap:\n  dcs: {ttl: 30, loop_wait: 10}\n",
		"etcd3: {hosts: '10.0.0.1:2379'}\n",
	}
	if g.now(50) {
		sections = append(sections, "ctl:"+g.section(g.ctl()))
	}
	g.Shuffle(len(sections), func(i, j int) { sections[i], sections[j] = sections[j], sections[i] })
	if g.now(4) {
		sections = sections[1:]
	}
	text := strings.Join(sections, "")
	if g.now(35) {
		text = g.spoil(text)
	}
	return text
}

// part is a file that changes some settings of the one before.
func (g generator) part() string {
	text := ""
	if g.now(40) {
		text += "scope: " + g.text("demo", "other", "null") + "\n"
	}
	if g.now(40) {
		text += "name: " + g.text("n2", "~") + "\n"
	}
	if g.now(50) {
		text += "ctl:" + g.section(g.ctl())
	}
	return text + "restapi:" + g.section(g.restapi()[1:])
}

// text is a scalar for a setting that must be text: mostly one of those, else one that YAML 1.1 has
// its own mind about.
func (g generator) text(usual ...string) string {
	if g.now(93) {
		return g.pick(usual...)
	}
	return g.pick("1e3", "09", "08:30", "0x10", "12:30", "1_000", "010", "yes", "No", "'yes'", `"7"`, "7", "!!str 7", "! 7", "2026-11-26",
		"2026-1-2", "1.5", "1.5e3", "1.5e+3", ".5", "-0b11", "0o17", "0b2", "''", "null", "~", "", "y", "off", "=", "{{ name }}", "[a]", "{a: b}",
		"${NAME}", "<name>", "a b", "1:2:3", "+1", "0x_", "2026-02-30", "größe", "!vault x", "!!int 7", "1.2.3", "1__0", "._1", ".inf", "|\n  demo", "-", "?x")
}

func (g generator) address(usual ...string) string {
	if g.now(93) {
		return g.pick(usual...)
	}
	return g.pick("'127.0.0.1: 8008'", "' 127.0.0.1:8008'", "'[::1] :8008'", "'127.0.0.1 :8008'", "'${POD_IP}:8008'", "<ip>:8008", "8008", "12:30",
		"'8008'", "127.0.0.1", "null", "''", "'10.0.0.1:x'", "'[fd00::1]:8008'", "fd00::1:8008", "'a_b:8008 '", "{{ ip }}:8008", "[a]", "0")
}

// path is a file's name, or what Python takes for none.
func (g generator) path(usual string) string {
	if g.now(93) {
		return usual
	}
	return g.pick("''", "false", "null", "0", "[]", "true", "7", "'"+usual+"'", "")
}

func (g generator) restapi() []string {
	lines := []string{"listen: " + g.address("'*:8008'", "127.0.0.1:8008", "0.0.0.0:8008", "'[::]:8008'", "localhost:8008", "10.0.0.1:8009"),
		"connect_address: " + g.address("node1.example:8008", "10.0.0.1:8008", "'[fd00::1]:8008'")}
	if g.now(60) {
		lines = append(lines, "certfile: "+g.path("/r.crt"), "cafile: "+g.path("/r.ca"))
		if g.now(70) {
			lines = append(lines, "keyfile: "+g.path("/r.key"))
		}
		if g.now(60) {
			lines = append(lines, "verify_client: "+g.pick("required", "Required", "REQUIRED", "optional", "none", "false", "true", "null", "'required '", "required", "7"))
		}
	}
	return lines
}

func (g generator) ctl() (lines []string) {
	for _, line := range []string{"cacert: " + g.path("/c.ca"), "certfile: " + g.path("/c.crt"), "keyfile: " + g.path("/c.key")} {
		if g.now(60) {
			lines = append(lines, line)
		}
	}
	return append(lines, "insecure: "+g.pick("true", "false", "on"))
}

func (g generator) postgresql() []string {
	lines := []string{"listen: " + g.address("'*:5432'", "0.0.0.0:5432", "'127.0.0.1,10.0.0.1:5432'"),
		"connect_address: " + g.address("node1.example:5432", "10.0.0.1:5432")}
	if g.now(95) {
		lines = append(lines, "data_dir: "+g.pick("/data", "/var/lib/postgresql/15/main", "'/a b'"))
	}
	if g.now(10) {
		lines = append(lines, "name: "+g.pick("fallback", "7", "1e3"))
	}
	return append(lines, "parameters: {max_connections: 100}")
}

// section writes the lines of a section in one of the ways that YAML has for it.
func (g generator) section(lines []string) string {
	flow := !strings.Contains(strings.Join(lines, ""), "\n") && g.now(20)
	switch {
	case flow:
		return " {" + strings.Join(lines, ", ") + "}\n"
	case g.now(10):
		return " &" + g.pick("a", "b", "c", "d") + "\n  " + strings.Join(lines, "\n  ") + "\n"
	}
	return "\n  " + strings.Join(lines, "\n  ") + "\n"
}

// spoil does to a file what people do: most of it stops Patroni.
func (g generator) spoil(text string) string {
	lines := strings.SplitAfter(text, "\n")
	at := g.IntN(len(lines))
	line := lines[at]
	switch g.IntN(14) {
	case 0:
		lines[at] = strings.Replace(line, ": ", ":\t", 1)
	case 1:
		lines[at] = strings.TrimSuffix(line, "\n") + "\t\n"
	case 2:
		lines[at] = g.pick("\t\n", " \t\n", "# \ta comment\n", "  # a\tb\n") + line
	case 3:
		return text + g.pick("---\n", "---\nscope: x\n", "...\n", "--- \n# nothing\n", "...\n---\n")
	case 4:
		return g.pick("%YAML 1.2\n---\n", "%YAML 1.1\n---\n", "%YAML 2.0\n---\n", "---\n", "%NEW x\n---\n", "# c\n--- # d\n", "\ufeff") + text
	case 5:
		return text + g.pick("more: !vault x\n", "more: !!set {a, b}\n", "more: !!omap [a: 1]\n", "more: !foo {a: 1}\n", "more: !foo [1]\n", "more: !!python/name:os.system\n",
			"more: =\n", "=: 1\n", "more: <<\n", "more: !!binary aGk=\n", "more: !!binary x\n", "more: !!float x\n", "more: !!bool maybe\n", "more: !!int x\n", "more: !!timestamp x\n")
	case 6:
		return text + g.pick("<<: [1]\n", "<<:\n", "<<: {tags: {}}\n", "more: {<<: x}\n", "more: {<<: [{a: 1}, {b: 2}]}\n", "base: &z {name: z}\n<<: *z\n")
	case 7:
		return text + g.pick("more: {{ x }}\n", "? [a]\n: b\n", "? a\n: b\n", "{a: b}: c\n", "more: {a}\n", "x: &q 1\ny: &q 2\n", "x: &q 1\ny: *q\n", "&k more: 1\nz: *k\n")
	case 8:
		return text + "restapi:" + g.section(g.restapi())
	case 9:
		return text + g.pick("postgresql:\n  callbacks: {on_start: /usr/bin/vipctl callback}\n", "postgresql: null\n", "ctl: text\n", "ctl: ''\n", "ctl: []\n", "restapi: x\n",
			"postgresql: x\n", "postgresql: ''\n")
	case 10:
		return text + g.pick("more: 0x_\n", "more: 2026-13-01\n", "more: 2026-11-26 10:00:00\n", "more: 1_0.5\n", "more: 0b_\n", "more: 12:30:45.5\n", "more: |\n  a\tb\n", "more: \"a\tb\"\n",
			"more: 'a\n  \tb'\n", "more: a\n  \tb\n", "more: >-\n\ta\n", "more: [a,\tb]\n")
	case 11:
		lines = append(lines[:at], lines[min(at+1, len(lines)):]...)
	case 12:
		lines[at] = line + line
	case 13:
		lines[at] = " " + line
	}
	return strings.Join(lines, "")
}

// variables sets some of PATRONI_*.
func (g generator) variables(env map[string]string, percent int) {
	for _, v := range variables() {
		if g.now(percent) {
			env[v.name] = g.pick(v.values...)
		}
	}
}

type variable struct {
	name   string
	values []string
}

// variables are those that are set, always in this order.
func variables() []variable {
	return []variable{
		{"PATRONI_SCOPE", []string{"demo", "16", "8", "yes", "", "other"}},
		{"PATRONI_NAME", []string{"n1", "16", "", "750"}},
		{"PATRONI_RESTAPI_LISTEN", []string{"0.0.0.0:8008", ":8008", "127.0.0.1: 8008", "${IP}:8008", "8008", ""}},
		{"PATRONI_RESTAPI_CONNECT_ADDRESS", []string{"node1.example:8008", "10.0.0.1:8008", "<ip>:8008"}},
		{"PATRONI_RESTAPI_CERTFILE", []string{"/e.crt", ""}},
		{"PATRONI_RESTAPI_KEYFILE", []string{"/e.key"}},
		{"PATRONI_RESTAPI_CAFILE", []string{"/e.ca"}},
		{"PATRONI_RESTAPI_VERIFY_CLIENT", []string{"required", "Required", "none", "false"}},
		{"PATRONI_CTL_CACERT", []string{"/ec.ca", ""}},
		{"PATRONI_CTL_CERTFILE", []string{"/ec.crt"}},
		{"PATRONI_CTL_KEYFILE", []string{"/ec.key"}},
		{"PATRONI_CTL_INSECURE", []string{"on", "perhaps"}},
		{"PATRONI_POSTGRESQL_DATA_DIR", []string{"/edata", "7"}},
		{"PATRONI_POSTGRESQL_LISTEN", []string{"*:5432"}},
		{"PATRONI_POSTGRESQL_CONNECT_ADDRESS", []string{"10.0.0.1:5432", "${IP}:5432"}},
		{"PATRONI_ETCD3_HOSTS", []string{"10.0.0.1:2379"}},
	}
}
