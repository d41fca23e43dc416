package conf

import "strings"

// Source says where Patroni's settings come from. Config must be set, or EnvironmentFile, or Scope
// with Name and URL; the others may be left out. Two configurations with equal sources are the same
// one. It is saved as JSON, whose keys do not change.
type Source struct {
	// Config is Patroni's configuration: a file, or a folder of *.yml and *.yaml files. It is empty
	// where everything comes from the EnvironmentFile.
	Config string `json:"config,omitempty"`
	// EnvironmentFile is the one of Patroni's unit, in systemd's syntax.
	EnvironmentFile string `json:"environment_file,omitempty"`

	// Scope is the cluster's name, for a Config that does not say it. A Config that says it must
	// say the same.
	Scope string `json:"scope,omitempty"`
	// Name is this member's name, under the same rule.
	Name string `json:"name,omitempty"`

	// URL, CAFile, CertFile and KeyFile win over what Config says. KeyFile defaults to CertFile.
	URL      string `json:"url,omitempty"`
	CAFile   string `json:"ca_file,omitempty"`
	CertFile string `json:"cert_file,omitempty"`
	KeyFile  string `json:"key_file,omitempty"`
}

// Files names the files that the settings are read from, for people: "/etc/patroni/config.yml and
// /etc/default/patroni".
func (s Source) Files() string {
	if s.Config == "" || s.EnvironmentFile == "" {
		return s.Config + s.EnvironmentFile
	}
	return strings.Join([]string{s.Config, s.EnvironmentFile}, " and ")
}

// Where says where vipctl.yml has a setting, such as patroni.scope, for errors. The line is 0 where
// the setting stands on none. A nil Where knows no place.
type Where func(setting string) (file string, line int)

// origin is where vipctl.yml has a setting.
func (w Where) origin(setting string) Origin {
	if w == nil {
		return Origin{setting: setting}
	}
	file, line := w(setting)
	return Origin{file, line, setting}
}
