package main

import (
	"errors"
	"os"
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"
)

// groupName is the group's name, or its number where it has none.
func groupName(gid uint32) string {
	id := strconv.FormatUint(uint64(gid), 10)
	if g, err := user.LookupGroupId(id); err == nil {
		return g.Name
	}
	return id
}

// checkSecrets reads the routes' secrets and returns what is in the way of that, once for each of them.
func (h *host) checkSecrets() error {
	var problems []error
	for _, p := range h.routes.providers {
		problems = append(problems, p.ReadSecrets())
	}
	return errors.Join(problems...)
}

// warnOfOwner warns of files with secrets that root may read and the callbacks may not, as far as owner, group and mode
// tell. Callbacks run as the owner of PostgreSQL's data directory.
func (a *app) warnOfOwner(h *host) {
	var data, secret unix.Stat_t
	if os.Geteuid() != 0 || unix.Stat(h.patroni.DataDir(), &data) != nil || data.Uid == 0 {
		return
	}
	for file := range h.secretFiles() {
		if unix.Stat(file, &secret) != nil {
			continue
		}
		owner := secret.Uid == data.Uid && secret.Mode&unix.S_IRUSR != 0
		group := secret.Gid == data.Gid && secret.Mode&unix.S_IRGRP != 0
		if !owner && !group {
			a.log.Warnf("%s: owner %s, group %s, mode %04o: %s, who runs the callbacks, may not be able to read it: chgrp %[6]s %[7]s && chmod 0640 %[7]s",
				file, userName(secret.Uid), groupName(secret.Gid), secret.Mode&0o7777, userName(data.Uid), groupName(data.Gid), shellWord(file))
		}
	}
}

// secretFiles are those that the configuration names.
func (h *host) secretFiles() map[string]bool {
	files := map[string]bool{}
	for _, v := range h.config.VIPs {
		files[v.Route.SecretFile()] = true
	}
	delete(files, "")
	return files
}
