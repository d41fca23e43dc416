package patroni

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// origin is where a setting stands.
type origin struct {
	file    string // empty where that is not known
	line    int    // 0 where there is none
	setting string // its name there
}

// String is "FILE:LINE: SETTING".
func (o origin) String() string {
	if o.file == "" {
		return o.setting
	}
	return o.place() + ": " + o.setting
}

// place is the file, and the line where there is one.
func (o origin) place() string {
	if o.line == 0 {
		return o.file
	}
	return o.file + ":" + strconv.Itoa(o.line)
}

// origin is where vipctl.yml has a setting.
func (o Options) origin(setting string) origin {
	if o.Where == nil {
		return origin{setting: setting}
	}
	file, line := o.Where(setting)
	return origin{file, line, setting}
}

// unusable is the error of a file that the setting names.
func (o origin) unusable(want string, err error) error {
	var file *fs.PathError
	if errors.As(err, &file) {
		err = fmt.Errorf("%s: %w", file.Path, file.Err)
	}
	return fmt.Errorf("%s: got %w, want %s", o.orKept(), err, want)
}

// orKept is String, or for a setting that was kept, which no file says, what it was kept from.
func (o origin) orKept() string {
	return cmp.Or(o.String(), "the last settings that Patroni answered to")
}

// said is which file says it, for people who know both.
func (o origin) said() string {
	if strings.HasPrefix(o.setting, "patroni.") {
		return "vipctl.yml"
	}
	return "patroni.yml"
}
