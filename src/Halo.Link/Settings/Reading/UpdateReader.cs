namespace Halo.Link.Settings.Reading;

/// <summary>Reads whether and when the Link updates itself.</summary>
static class UpdateReader
{
    public static UpdateSettings Read(SettingsNode node)
    {
        var standard = new UpdateSettings();
        if (node.Object("updates") is not { } updates)
            return standard;
        var hours = standard.Hours;
        if (updates.Text("hours") is { } text)
        {
            if (UpdateHours.Parse(text) is { } read)
                hours = read;
            else
                updates.Fault("hours", "must be two hours of the day, as 22-5 for 22:00 to 5:00 of local time; 0-24 is at any time.");
        }
        var settings = new UpdateSettings { Automatic = updates.Truth("automatic", standard.Automatic), Hours = hours };
        updates.RefuseUnknown();
        return settings;
    }
}
