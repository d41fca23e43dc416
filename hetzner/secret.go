package hetzner

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	redacted = "[redacted]"
	// maxSecret is far above a token (64 characters) or a password.
	maxSecret = 4 << 10
)

// Secret is a token or a password. It prints as "[redacted]" in every format, also inside of other
// values: fmt looks into unexported fields without asking them, and for a wrong verb even behind
// their pointers, but not into a function.
type Secret struct{ open func() secret }

type secret struct {
	value   string
	version string // changes with the file; no hash, since a short password could be found from one
}

// NewSecret returns a secret of the given value.
func NewSecret(value string) Secret { return seal(secret{value: value}) }

func seal(s secret) Secret { return Secret{func() secret { return s }} }

func (s Secret) reveal() string { return s.content().value }
func (s Secret) mark() string   { return s.content().version }

func (s Secret) content() secret {
	if s.open == nil {
		return secret{}
	}
	return s.open()
}

// Format writes "[redacted]" for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// String returns "[redacted]".
func (Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (Secret) GoString() string { return redacted }

// MarshalText returns "[redacted]", for JSON and everything else that asks for text.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalYAML returns "[redacted]".
func (Secret) MarshalYAML() (any, error) { return redacted, nil }

// SecretSource says where a secret may be found. The first that is set wins: File, then Credential,
// then Env.
type SecretSource struct {
	File       string // a file that others must not read
	Credential string // a file in $CREDENTIALS_DIRECTORY, which systemd fills
	Env        string // an environment variable, the last resort
	// Getenv looks up the environment; nil where it is not to be trusted, as in a process with file
	// capabilities.
	Getenv func(string) string
}

// Load reads the secret. White space around it is cut off; a space or a control character within is
// an error, because no header could carry it. No error shows any part of the secret.
func (s SecretSource) Load() (Secret, error) {
	if s.File != "" {
		return readSecret(s.File)
	}
	getenv := s.Getenv
	if getenv == nil {
		getenv = func(string) string { return "" }
	}
	if dir := getenv("CREDENTIALS_DIRECTORY"); s.Credential != "" && dir != "" {
		path := filepath.Join(dir, s.Credential)
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			return readSecret(path)
		}
	}
	if s.Env != "" && getenv(s.Env) != "" {
		return parseSecret("$"+s.Env, getenv(s.Env), "")
	}
	return Secret{}, s.missing()
}

func (s SecretSource) missing() error {
	var places []string
	if s.Credential != "" {
		places = append(places, "the systemd credential "+s.Credential)
	}
	if s.Env != "" {
		places = append(places, "$"+s.Env)
	}
	if len(places) == 0 {
		return errors.New("no secret: name a file")
	}
	return fmt.Errorf("no secret: no file is named, and there is neither %s", strings.Join(places, " nor "))
}

func readSecret(path string) (Secret, error) {
	f, err := os.Open(path)
	if err != nil {
		return Secret{}, err
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return Secret{}, err
	}
	if err := checkSecretFile(path, info); err != nil {
		return Secret{}, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	switch {
	case err != nil:
		return Secret{}, err
	case len(data) > maxSecret: // of which not all was read
		return Secret{}, tooLong(path)
	}
	return parseSecret(path, string(data), fmt.Sprintf("%d-%d", info.ModTime().UnixNano(), info.Size()))
}

// checkSecretFile refuses what others may read, or what a group may replace.
func checkSecretFile(path string, info os.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s: not a regular file", path)
	}
	if perm := info.Mode().Perm(); perm&0o027 != 0 {
		return fmt.Errorf("%s: mode %04o lets others at the secret; run: chmod 0640 %s", path, perm, path)
	}
	return nil
}

func parseSecret(where, text, version string) (Secret, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return Secret{}, fmt.Errorf("%s: empty", where)
	case len(text) > maxSecret:
		return Secret{}, tooLong(where)
	}
	for i, r := range text {
		if r == utf8.RuneError || unicode.IsSpace(r) || !unicode.IsPrint(r) {
			return Secret{}, fmt.Errorf("%s: byte %d is white space or no printable character; one secret and nothing else belongs there", where, i+1)
		}
	}
	return seal(secret{value: text, version: version}), nil
}

func tooLong(where string) error {
	return fmt.Errorf("%s: longer than %d bytes, which no secret is", where, maxSecret)
}

// censor returns a function that makes text from an answer fit to be shown: without the given
// secrets, should an API or a proxy ever repeat one, on one line, and short.
func censor(secrets ...string) func(string) string {
	var pairs []string
	for _, s := range secrets {
		if s != "" {
			pairs = append(pairs, s, redacted)
		}
	}
	replacer := strings.NewReplacer(pairs...)
	return func(text string) string {
		text = strings.Map(func(r rune) rune {
			if r == utf8.RuneError || !unicode.IsPrint(r) {
				return ' '
			}
			return r
		}, replacer.Replace(text))
		if text = strings.Join(strings.Fields(text), " "); len(text) > 300 {
			text = strings.ToValidUTF8(text[:300], "") + "..."
		}
		return text
	}
}
