using System.Text;
using Halo.Api.Storage;
using Halo.Api.Storage.Keys;
using Halo.Contracts.Queries;

namespace Halo.Api.Ledger.Records;

/// <summary>
/// What the row of an immediate query is made of, as its Link keeps it until the outcome is acknowledged: an API that is killed before it
/// wrote the accept makes the row of it. A tag binds it to the query, the Link and its run, so that no Link can make one up.
/// </summary>
static class SentRecord
{
    const byte Version = 1;

    /// <summary>Of a query whose accept is not written yet.</summary>
    public static byte[] Write(SentQuery sent, MasterKeys keys)
    {
        using var text = new MemoryStream(256);
        using var writer = new BinaryWriter(text);
        var q = sent.Query;
        writer.Write(Version);
        writer.Write(q.IntegratorId.ToByteArray());
        writer.Write(q.SiteId.ToByteArray());
        writer.Write(q.CreatedAt.Ms());
        writer.Write(sent.At.Ms());
        writer.Write(q.MaxTimeInQueue);
        writer.Write(q.ExecutionLimit);
        writer.Write(q.CommandSize);
        writer.Write(q.RequestSize);
        writer.Write(q.SqlSize);
        writer.Write(q.ResultSet);
        writer.Write(q.Tag ?? "");
        writer.Write(q.Catalogue ?? "");
        var length = (int)text.Length;
        WriteOwner(writer, q.Id, sent.Session);
        var record = new byte[length + MasterKey.TextTagBytes];
        var whole = text.GetBuffer().AsSpan(0, (int)text.Length);
        whole[..length].CopyTo(record);
        keys.WriteTag(whole, record.AsSpan(length));
        return record;
    }

    /// <returns>Null: it was not made for this query and this run, or not here.</returns>
    public static SentQuery? Read(ReadOnlySpan<byte> record, Guid queryId, SessionReference by, MasterKeys keys)
    {
        if (record.Length <= MasterKey.TextTagBytes || record[0] != Version)
            return null;
        using var text = new MemoryStream();
        text.Write(record[..^MasterKey.TextTagBytes]);
        using var writer = new BinaryWriter(text, Encoding.UTF8, leaveOpen: true);
        WriteOwner(writer, queryId, by);
        if (!keys.IsTag(text.GetBuffer().AsSpan(0, (int)text.Length), record[^MasterKey.TextTagBytes..]))
            return null;
        // From here on it is what Write wrote.
        text.Position = 1;
        using var reader = new BinaryReader(text);
        var (integrator, site) = (new Guid(reader.ReadBytes(16)), new Guid(reader.ReadBytes(16)));
        var (created, at) = (Time(reader.ReadInt64()), Time(reader.ReadInt64()));
        var query = new NewQuery
        {
            Id = queryId,
            IntegratorId = integrator,
            SiteId = site,
            Mode = QueryMode.Immediate,
            CreatedAt = created,
            MaxTimeInQueue = reader.ReadInt32(),
            ExecutionLimit = reader.ReadInt32(),
            CommandSize = reader.ReadInt64(),
            RequestSize = reader.ReadInt64(),
            SqlSize = reader.ReadInt64(),
            ResultSet = reader.ReadInt32(),
            Tag = Text(reader.ReadString()),
            Catalogue = Text(reader.ReadString()),
        };
        return new(query, by, at, at);
    }

    static void WriteOwner(BinaryWriter writer, Guid queryId, SessionReference session)
    {
        writer.Write(queryId.ToByteArray());
        writer.Write(session.LinkId.ToByteArray());
        writer.Write(session.RunId.ToByteArray());
        writer.Flush();
    }

    static DateTimeOffset Time(long ms) => DateTimeOffset.FromUnixTimeMilliseconds(ms);

    static string? Text(string text) => text.Length == 0 ? null : text;
}
