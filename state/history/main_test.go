package history

import (
	"fmt"
	"os"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/vipctl/vipctl/reconcile"
	"github.com/vipctl/vipctl/reconcile/policy"
	"github.com/vipctl/vipctl/state/statetest"
)

func TestMain(m *testing.M) { os.Exit(statetest.Main(m, children)) }

// children are the processes that the tests start, by what they do.
var children = map[string]func(args []string) error{
	"append": appendForEver,
	"once":   appendOnce,
	"full":   onFullDisk,
}

// append DIR RUN FROM: appends records numbered from FROM on, and prints each number once its
// Append is back.
func appendForEver(args []string) error {
	h := slowly(Open(Options{Now: statetest.BootTime, Dir: args[0], Run: args[1]}))
	from, _ := strconv.Atoi(args[2])
	for i := from; ; i++ {
		if err := h.Append(record(i)); err != nil {
			return err
		}
		fmt.Println(i)
	}
}

// once DIR RUN: appends a record, as whoever it runs.
func appendOnce(args []string) error {
	return slowly(Open(Options{Now: statetest.BootTime, Dir: args[0], Run: args[1]})).Append(record(os.Geteuid()))
}

var testStart = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// record is the record number i, a second after the one before it.
func record(i int) reconcile.Record {
	return reconcile.Record{
		At: reconcile.Stamp{Time: testStart.Add(time.Duration(i) * time.Second)}, VIP: "192.0.2.10",
		Trigger: policy.EventTick, By: "timer", Do: reconcile.ChangeClaim, Code: policy.Code("leader"),
		Reason: "leader, address missing", TookMS: float64(i),
	}
}

func numbers(records []reconcile.Record) []int {
	var n []int
	for _, r := range records {
		n = append(n, int(r.TookMS))
	}
	return n
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%s: got %v, want %v", what, got, want)
	}
}
