package conf

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// Origin is where a setting stands. The zero Origin is that of a setting which no file says.
type Origin struct {
	file    string // empty where that is not known
	line    int    // 0 where there is none
	setting string // its name there
}

// String is "FILE:LINE: SETTING", without the parts that are not known.
func (o Origin) String() string {
	if o.file == "" {
		return o.setting
	}
	return o.place() + ": " + o.setting
}

// place is the file, and the line where there is one.
func (o Origin) place() string {
	if o.line == 0 {
		return o.file
	}
	return o.file + ":" + strconv.Itoa(o.line)
}

// Unusable returns the error of a file that the setting names: err is what is wrong with it, want
// is what vipctl needs in its place, in words. It wraps err.
func (o Origin) Unusable(want string, err error) error {
	var file *fs.PathError
	if errors.As(err, &file) {
		err = fmt.Errorf("%s: %w", file.Path, file.Err)
	}
	return fmt.Errorf("%s: got %w, want %s", o.OrSaved(), err, want)
}

// OrSaved is String. For a setting that no file says, because it was saved by an earlier run, it
// says that.
func (o Origin) OrSaved() string {
	return cmp.Or(o.String(), "the last settings that Patroni answered to")
}

// Owner is "vipctl.yml" or "patroni.yml", whichever says the setting, for people who know both.
func (o Origin) Owner() string {
	if strings.HasPrefix(o.setting, "patroni.") {
		return "vipctl.yml"
	}
	return "patroni.yml"
}
