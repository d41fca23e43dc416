package state

import "encoding/json"

// settingsFile is what was last read of Patroni's own configuration. No VIP can have "@" in its name.
const settingsFile = memoryFile + "@settings"

// settingsNote is that file.
type settingsNote struct {
	Settings json.RawMessage `json:"settings,omitempty"`
}

// PatroniSettings returns what SavePatroniSettings kept, under the rules of [Notes.Note]: nil where nothing was kept in
// this boot.
func (n *Notes) PatroniSettings() (json.RawMessage, error) {
	note, err := load[settingsNote](n, settingsFile)
	return note.Settings, err
}

// SavePatroniSettings keeps settings that were read well for the processes that cannot read them any more, under the
// rules of [Notes.SaveNote].
func (n *Notes) SavePatroniSettings(settings json.RawMessage) error {
	return save(n, settingsFile, settingsNote{Settings: settings})
}
