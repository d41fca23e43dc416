package patroni

import (
	"strconv"
	"strings"
)

// identify reads which cluster and member this is, from patroni.yml or, where that does not say, from vipctl.yml. Both may
// say the same.
func (t *tree) identify(s *settings, o Options) {
	s.scope, s.from.scope = t.text("scope"), t.entry("scope").origin
	s.name, s.from.name = t.text("name"), t.entry("name").origin
	if t.entry("name").node == nil && t.entry("postgresql.name").node != nil {
		s.name, s.from.name = t.text("postgresql.name"), t.entry("postgresql.name").origin
	}
	t.agree(&s.scope, &s.from.scope, o.Scope, o.origin("patroni.scope"), "the cluster's name")
	t.agree(&s.name, &s.from.name, o.Name, o.origin("patroni.name"), "this member's name")
}

// agree takes vipctl.yml's word where patroni.yml has none, and complains where neither has, or they differ.
func (t *tree) agree(value *string, from *origin, ours string, setting origin, what string) {
	key := strings.TrimPrefix(setting.setting, "patroni.")
	switch {
	case *value == "" && (ours == "" || t.entry(key).node != nil):
		t.demand(key, what+" (perhaps "+variableOf(key)+" stands in an environment file: set patroni.environment_file, or "+setting.setting+")")
	case *value == "":
		*value, *from = ours, setting
	case ours != "" && ours != *value:
		t.problems = append(t.problems, Problem{File: setting.file, Line: setting.line, Setting: setting.setting, Got: strconv.Quote(ours),
			Want: strconv.Quote(*value) + " as " + from.String() + " says, or nothing"})
	}
}

// certificate reads the client certificate. Up to 3.0 Patroni's own client and patronictl go on to that of the REST API
// where ctl has none, and to its key and password likewise (patroni/request.py, _get_cfg_value; since 3.1.0 they do not).
// Here that counts where Patroni asks everybody for one, and only there: a key that is read for nothing could be one that
// vipctl may not read.
func (t *tree) certificate(s *settings) {
	s.certRequired = t.optional("restapi.certfile") != "" && t.verifyClient() == "required"
	s.from.verify = t.entry("restapi.verify_client").origin
	s.certFile, s.from.cert = t.first("ctl.certfile")
	if s.certFile == "" && s.certRequired {
		s.certFile, s.from.cert = t.first("restapi.certfile")
	}
	if s.certFile == "" {
		return
	}
	s.keyFile, s.from.key = t.first("ctl.keyfile", "restapi.keyfile")
	password, _ := t.first("ctl.keyfile_password", "restapi.keyfile_password")
	s.KeyPassword = secret(password)
}

// verifyClient is restapi.verify_client in lower case. Patroni ignores what is no text (patroni/api.py, reload_config).
func (t *tree) verifyClient() string {
	e := t.entry("restapi.verify_client")
	if e.node == nil || tagOf(e.node) != tagText {
		return ""
	}
	return strings.ToLower(e.node.Value)
}
