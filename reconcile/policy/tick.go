package policy

// tickRows decides what a timer's run comes to. It asks Patroni, and decides by its reply.
var tickRows = &table{"Ticks", []row{
	{
		code: codeUnheard,
		when: "Patroni was not asked. Where the address is here, the peers are asked at the same time whether one of them leads",
		fits: func(f Facts) bool { return f.Reply.Kind == Unasked },
		then: func(f Facts) Verdict { return ask(firstQuestion(f)) },
	},
	{
		when: "Patroni says 200",
		fits: func(f Facts) bool { return f.Reply.Kind == Leader },
		next: leadingRows,
	},
	{
		when: "Patroni says 503",
		fits: func(f Facts) bool { return f.Reply.Kind == NotLeader },
		next: notLeadingRows,
	},
	{next: silentRows},
}}

// firstQuestion is a tick's. Where the address is here it asks the peers as well whether one of
// them leads: our Patroni may say that we do when its lock is over.
func firstQuestion(f Facts) Question {
	return Question{Patroni: true, Rivals: f.Trigger.Event == EventTick && f.MayBeHere() && !f.Again}
}
