package policy

import "time"

// moreExamples are facts that [everyCombination] leaves out.
func moreExamples() []Facts {
	replied := holder(leads(heard(0), seen(3*time.Second)), callback(eventOnStop, rolePrimary))
	replied.PG, replied.Trigger.At, replied.Asked = PGAlive, now.Add(-EvidenceAge).Add(-1), 1
	refused := holder(denies(heard(0)), callback(eventOnRoleChange, rolePrimary), asked(1))
	refused.Confirming = true
	ended := holder(mute, alone, past(func(s *ClusterState) { s.Reply.Paused, s.Leading.SeenAt = true, now.Add(-time.Minute) }))
	ended.VIP.Answering, ended.PG = []MAC{"02:00:00:00:00:02"}, PGAlive
	return []Facts{replied, refused, ended}
}
