package trust

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// CheckSecret returns an error where root may read a file with a secret, and the owner of dataDir,
// PostgreSQL's data directory, may not: that user runs the callbacks. Owner, group and mode are all
// that counts. The error says which command lets the callbacks read the file.
//
// It is nil where this process does not run as root, and where the file or the folder cannot be
// looked at.
func CheckSecret(file, dataDir string) error {
	var data, secret unix.Stat_t
	if os.Geteuid() != 0 || unix.Stat(dataDir, &data) != nil || data.Uid == 0 || unix.Stat(file, &secret) != nil {
		return nil
	}
	owner := secret.Uid == data.Uid && secret.Mode&unix.S_IRUSR != 0
	group := secret.Gid == data.Gid && secret.Mode&unix.S_IRGRP != 0
	if owner || group {
		return nil
	}
	return fmt.Errorf("%s: owner %s, group %s, mode %04o: %s, who runs the callbacks, may not be able to read it: %s",
		file, UserName(secret.Uid), groupName(secret.Gid), secret.Mode&0o7777, UserName(data.Uid), shareCommand(data.Gid, file))
}

// ExplainUnreadable adds to an error from reading a file with a secret the command with which root
// lets the group of this process read it. It returns any other error than one of [os.ErrPermission]
// as it is, and any where file is empty.
func ExplainUnreadable(err error, file string) error {
	if !errors.Is(err, os.ErrPermission) || file == "" {
		return err
	}
	return fmt.Errorf("%w; run as root: %s", err, shareCommand(uint32(os.Getegid()), file))
}

// shareCommand lets a group read a file, and nobody else but its owner.
func shareCommand(gid uint32, file string) string {
	return fmt.Sprintf("chgrp %s %[2]s && chmod 0640 %[2]s", groupName(gid), ShellWord(file))
}
