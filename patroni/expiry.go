package patroni

import (
	"crypto/x509"
	"fmt"
	"time"
)

// renewAhead is how long before a certificate's end people are told. Of one that is renewed more
// often it is the last third: ACME clients renew one of 90 days at 30.
const renewAhead = 30 * 24 * time.Hour

// outOfDate says why a certificate does not count at that time, "" where it does.
func outOfDate(c *x509.Certificate, now time.Time) string {
	switch {
	case now.After(c.NotAfter):
		return fmt.Sprintf("expired at %s (this host's clock says %s)", day(c.NotAfter), day(now))
	case now.Before(c.NotBefore):
		return fmt.Sprintf("is not valid before %s, and this host's clock says %s", day(c.NotBefore), day(now))
	}
	return ""
}

// endsSoon says when a certificate ends, "" where that is not soon.
func endsSoon(c *x509.Certificate, now time.Time) string {
	left := c.NotAfter.Sub(now)
	if left > min(renewAhead, c.NotAfter.Sub(c.NotBefore)/3) {
		return ""
	}
	return fmt.Sprintf("expires at %s, in %d days", day(c.NotAfter), left/(24*time.Hour))
}

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
