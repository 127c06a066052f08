using System.Text.Json;
using Halo.Contracts.Events;
using Halo.Contracts.Json;
using Halo.Contracts.Sites;

namespace Halo.Api.Queries.Schemas;

/// <summary>What changed from one schema to the next, as it is told: bounded, whatever the database calls its tables and however many there are.</summary>
static class SchemaDifference
{
    const int MostChanges = 100, MostColumns = 20, MostCharacters = 256;

    /// <summary>Characters of all names together: an event is read and sent many times, and others of its kind are small.</summary>
    const int MostTold = 32 * 1024;

    /// <summary>What an event says of it.</summary>
    public static EventData Between(DatabaseSchema before, DatabaseSchema after)
    {
        var changes = Tables(before.Tables, after.Tables).Concat(Routines(before.Routines, after.Routines)).ToList();
        var (told, characters) = (new List<SchemaChange>(), 0);
        foreach (var change in changes.Take(MostChanges))
        {
            characters += LengthOf(change);
            if (characters > MostTold)
                break;
            told.Add(change);
        }
        return new()
        {
            Catalogue = after.Catalogue,
            Hash = after.Hash,
            Changes = told,
            MoreChanges = changes.Count > told.Count ? changes.Count - told.Count : null,
        };
    }

    static int LengthOf(SchemaChange change) =>
        change.Name.Length + (change.Schema?.Length ?? 0) + ((IReadOnlyList<string>?[])[change.AddedColumns, change.RemovedColumns, change.AlteredColumns]).Sum(l => l?.Sum(n => n.Length) ?? 0);

    static IEnumerable<SchemaChange> Tables(IReadOnlyList<SchemaTable> before, IReadOnlyList<SchemaTable> after)
    {
        // A view in place of a table is another thing of the same name.
        var (old, now) = (By(before, t => (t.Schema, t.Name, t.Kind)), By(after, t => (t.Schema, t.Name, t.Kind)));
        return
        [
            .. now.Where(t => !old.ContainsKey(t.Key)).Select(t => ChangeOf(SchemaChangeKind.Added, t.Value)),
            .. old.Where(t => !now.ContainsKey(t.Key)).Select(t => ChangeOf(SchemaChangeKind.Removed, t.Value)),
            .. now.Where(t => old.TryGetValue(t.Key, out var was) && JsonOf(was) != JsonOf(t.Value)).Select(t => Altered(old[t.Key], t.Value)),
        ];
    }

    static IEnumerable<SchemaChange> Routines(IReadOnlyList<SchemaRoutine> before, IReadOnlyList<SchemaRoutine> after)
    {
        var (old, now) = (before.ToLookup(r => (r.Schema, r.Name, r.Kind)), after.ToLookup(r => (r.Schema, r.Name, r.Kind)));
        return
        [
            .. now.Where(r => !old.Contains(r.Key)).Select(r => ChangeOf(SchemaChangeKind.Added, r.First())),
            .. old.Where(r => !now.Contains(r.Key)).Select(r => ChangeOf(SchemaChangeKind.Removed, r.First())),
            // Those of one name together.
            .. now.Where(r => old.Contains(r.Key) && !old[r.Key].Select(JsonOf).SequenceEqual(r.Select(JsonOf))).Select(r => ChangeOf(SchemaChangeKind.Altered, r.First())),
        ];
    }

    static SchemaChange Altered(SchemaTable before, SchemaTable after)
    {
        var (old, now) = (By(before.Columns, c => c.Name), By(after.Columns, c => c.Name));
        return ChangeOf(SchemaChangeKind.Altered, after) with
        {
            AddedColumns = Names(now.Keys.Where(c => !old.ContainsKey(c))),
            RemovedColumns = Names(old.Keys.Where(c => !now.ContainsKey(c))),
            AlteredColumns = Names(now.Where(c => old.TryGetValue(c.Key, out var was) && was != c.Value).Select(c => c.Key)),
        };
    }

    static SchemaChange ChangeOf(SchemaChangeKind change, SchemaTable table) =>
        new(change, table.Kind == SchemaTableKind.View ? "view" : "table", table.Schema is null ? null : Cut(table.Schema), Cut(table.Name));

    static SchemaChange ChangeOf(SchemaChangeKind change, SchemaRoutine routine) =>
        new(change, routine.Kind == SchemaRoutineKind.Procedure ? "procedure" : "function", routine.Schema is null ? null : Cut(routine.Schema), Cut(routine.Name));

    static List<string>? Names(IEnumerable<string> names) => names.Take(MostColumns).Select(Cut).ToList() is { Count: > 0 } some ? some : null;

    static string Cut(string name) => name.Length <= MostCharacters ? name : name[..(MostCharacters - 1)] + "…";

    static Dictionary<TKey, T> By<TKey, T>(IEnumerable<T> all, Func<T, TKey> key) where TKey : notnull => all.DistinctBy(key).ToDictionary(key);

    /// <summary>Their lists are compared by what is in them.</summary>
    static string JsonOf(SchemaTable table) => JsonSerializer.Serialize(table, HaloJson.Default.SchemaTable);

    static string JsonOf(SchemaRoutine routine) => JsonSerializer.Serialize(routine, HaloJson.Default.SchemaRoutine);
}
