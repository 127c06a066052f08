namespace Halo.Link.Settings.Reading;

/// <summary>Reads how the Link reaches the API.</summary>
static class ConnectionReader
{
    const int Minute = 60_000;

    public static ConnectionSettings ReadConnection(SettingsNode node)
    {
        var standard = new ConnectionSettings();
        if (node.Object("connection") is not { } connection)
            return standard;
        var read = new ConnectionSettings
        {
            PingAfter = Time(connection, "pingAfterMs", standard.PingAfter, 100, Minute),
            DeadAfterPing = Time(connection, "deadAfterPingMs", standard.DeadAfterPing, 100, Minute),
            FirstWait = Time(connection, "firstWaitMs", standard.FirstWait, 10, Minute),
            LongestWait = Time(connection, "longestWaitMs", standard.LongestWait, 10, 10 * Minute),
            CallWithin = Time(connection, "callWithinMs", standard.CallWithin, 100, 5 * Minute),
        };
        connection.RefuseUnknown();
        return read;
    }

    public static UploadSettings ReadUpload(SettingsNode node)
    {
        var standard = new UploadSettings();
        if (node.Object("upload") is not { } upload)
            return standard;
        var read = new UploadSettings
        {
            FirstWait = Time(upload, "firstWaitMs", standard.FirstWait, 10, Minute),
            LongestWait = Time(upload, "longestWaitMs", standard.LongestWait, 10, 10 * Minute),
            Stall = Time(upload, "stallMs", standard.Stall, 100, 10 * Minute),
        };
        upload.RefuseUnknown();
        return read;
    }

    public static ProxySettings? ReadProxy(SettingsNode node)
    {
        if (node.Object("proxy") is not { } proxy)
            return null;
        var text = proxy.Text("address", "give the proxy's address, as http://proxy.clinic.local:3128");
        var user = proxy.Text("user");
        var password = proxy.Text("password");
        proxy.RefuseUnknown();
        if (password is not null && user is null)
            proxy.Fault("user", "is missing: a password belongs to a user.");
        if (text is null)
            return null;
        if (!Uri.TryCreate(text, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https") || address.UserInfo != "" || address.PathAndQuery != "/")
        {
            proxy.Fault("address", "must be an address as http://proxy.clinic.local:3128; user and password have settings of their own.");
            return null;
        }
        return new() { Address = address, User = user, Password = password };
    }

    public static TimeSpan Time(SettingsNode node, string name, TimeSpan otherwise, long least, long most) =>
        TimeSpan.FromMilliseconds(node.Number(name, (long)otherwise.TotalMilliseconds, least, most));
}
