package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Lacks says what this machine lacks for a lab, or returns nil.
func Lacks() error {
	if os.Geteuid() != 0 {
		return errors.New("the lab needs root")
	}
	var missing []string
	for _, program := range []string{"ip", "nft", "setcap", "etcd", "patroni"} {
		if _, err := exec.LookPath(program); err != nil {
			missing = append(missing, program)
		}
	}
	if findPostgres() == "" {
		missing = append(missing, "postgresql")
	}
	if len(missing) > 0 {
		return fmt.Errorf("the lab needs %s (make deps installs it)", strings.Join(missing, ", "))
	}
	return nil
}

// findPostgres returns the folder of the newest PostgreSQL's programs, "" where there is none.
func findPostgres() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(found) == 0 {
		return ""
	}
	return filepath.Dir(found[len(found)-1])
}
