package history

import (
	"path/filepath"
	"testing"
)

func BenchmarkAppend(b *testing.B) {
	for name, records := range map[string]int{"empty": 0, "full": 10_000} {
		b.Run(name, func(b *testing.B) {
			h := slowly(openHistory(b))
			if records > 0 {
				h = withDatabase(b, filled(b, records))
			}
			i := records
			for b.Loop() {
				check(b, h.Append(record(i)))
				i++
			}
		})
	}
}

func BenchmarkCheckFile(b *testing.B) {
	h := withDatabase(b, filled(b, 10_000))
	for b.Loop() {
		f, err := h.db.Open(filepath.Base(databaseFile), 0)
		check(b, err)
		check(b, checkFile(f))
		f.Close()
	}
}

func BenchmarkRead20(b *testing.B) {
	h := withDatabase(b, filled(b, 10_000))
	for b.Loop() {
		_, err := h.Read(Query{Limit: 20})
		check(b, err)
	}
}
