package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/sirupsen/logrus"
	"golang.org/x/sys/unix"

	"github.com/vipctl/vipctl/config"
	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
)

// newLogger logs to stderr as text until the configuration says otherwise.
func newLogger(stderr io.Writer) *logrus.Logger {
	log := logrus.New()
	log.SetOutput(stderr)
	log.SetFormatter(&logrus.TextFormatter{FullTimestamp: true, DisableColors: true})
	return log
}

// setLog applies level and format. Those of the file were checked by config before, those of the
// command line were not.
func setLog(log *logrus.Logger, level, format string) error {
	parsed, err := logrus.ParseLevel(level)
	if err != nil || !slices.Contains(config.LogLevels(), level) {
		return usageError{fmt.Errorf("log level: got %q, want %s", level, either(config.LogLevels()))}
	}
	log.SetLevel(parsed)
	if format == "auto" && toJournal(os.Stderr, os.Getenv("JOURNAL_STREAM")) {
		format = "journal"
	}
	switch format {
	case "auto", "text":
	case "json":
		log.SetFormatter(&logrus.JSONFormatter{TimestampFormat: reconcile.StampFormat})
	case "journal":
		log.SetFormatter(journalFormatter{})
	default:
		return usageError{fmt.Errorf("log format: got %q, want %s", format, either(config.LogFormats()))}
	}
	return nil
}

// toJournal reports whether f is the stream that systemd set up to the journal (systemd.exec(5),
// $JOURNAL_STREAM).
func toJournal(f *os.File, stream string) bool {
	var st unix.Stat_t
	if stream == "" || unix.Fstat(int(f.Fd()), &st) != nil {
		return false
	}
	return stream == fmt.Sprintf("%d:%d", st.Dev, st.Ino)
}

// journalFormatter writes a line the way sd-daemon(3) wants it: the level in front, no time. A
// transition is "notice", so that it passes the LogLevelMax=notice that keeps systemd's own lines
// on each tick out of the journal.
type journalFormatter struct{}

func (journalFormatter) Format(e *logrus.Entry) ([]byte, error) {
	priority := map[logrus.Level]int{
		logrus.DebugLevel: 7, logrus.InfoLevel: 5, logrus.WarnLevel: 4, logrus.ErrorLevel: 3,
	}[e.Level]
	line := strings.ReplaceAll(e.Message, "\n", " | ")
	return fmt.Appendf(nil, "<%d>%s\n", priority, line), nil
}

// tell returns what logs one transition.
func tell(log *logrus.Logger) func(reconcile.Record) {
	return func(r reconcile.Record) {
		entry := log.WithFields(logrus.Fields{
			"vip": r.VIP, "do": r.Do, "code": r.Code, "trigger": r.Trigger, "took_ms": r.TookMS,
		})
		if r.Error != "" {
			entry.Errorf("%s %s: %s: %s", r.Do, r.VIP, r.Reason, r.Error)
			return
		}
		entry.Infof("%s %s: %s (%s, %.1f ms)", r.Do, r.VIP, r.Reason, r.Trigger, r.TookMS)
	}
}

// trace returns what logs one request to an API, by its line for people and its fields.
func trace(log *logrus.Logger) func(string, map[string]any) {
	return func(line string, fields map[string]any) { log.WithFields(fields).Debug(line) }
}

// report logs what a run came to, beside the transitions, and returns the errors.
func report(log *logrus.Logger, outcomes []reconcile.Outcome) error {
	var failed []error
	for _, o := range outcomes {
		for _, w := range o.Warnings {
			log.Warn(w)
		}
		if o.Facts.Reply.Kind == policy.NotOurs {
			log.Errorf("%s: not our Patroni: %s", o.VIP, o.Facts.Reply.Why)
		}
		log.WithFields(logrus.Fields{"vip": o.VIP, "do": o.Verdict.Do, "code": o.Verdict.Code}).Debug(o.Verdict.Why)
		if o.Err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", o.VIP, o.Err))
		}
	}
	return errors.Join(failed...)
}
