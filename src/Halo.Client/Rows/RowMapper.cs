using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace Halo.Client.Rows;

/// <summary>Makes objects of rows. Found out once for each type and list of columns.</summary>
static class RowMapper
{
    const DynamicallyAccessedMemberTypes Needed = DynamicallyAccessedMemberTypes.PublicConstructors | DynamicallyAccessedMemberTypes.PublicProperties;

    /// <summary>A function for rows with these columns.</summary>
    /// <exception cref="HaloMappingException">The type and the columns do not fit.</exception>
    public static Func<Row, T> For<[DynamicallyAccessedMembers(Needed)] T>(string[] columns) => Cache<T>.Find(columns);

    static Func<Row, T> Make<[DynamicallyAccessedMembers(Needed)] T>(string[] columns)
    {
        if (Whole<T>() is { } whole)
            return whole;
        if (ValueGetters.Knows(typeof(T)))
        {
            if (columns.Length != 1)
                throw new HaloMappingException($"A row has {columns.Length} columns and is to become one {typeof(T).Name}. Select one column, or map the rows to a record.");
            if (ValueGetters.Typed(typeof(T)) is Func<Row, int, T> typed)
                return row => typed(row, 0);
            var boxed = ValueGetters.Boxed(typeof(T));
            return row => (T)boxed(row, 0)!;
        }
        return ObjectMap.Of(typeof(T), columns).Compile<T>();
    }

    /// <summary>Types that take a row as a whole.</summary>
    static Func<Row, T>? Whole<T>()
    {
        if (typeof(T) == typeof(JsonElement))
            return (Func<Row, T>)(object)(Func<Row, JsonElement>)(row => row.Element());
        if (typeof(T).IsAssignableFrom(typeof(Dictionary<string, object?>)) && typeof(T) != typeof(object))
            return row => (T)(object)Dictionary(row, RowValues.Plain);
        if (typeof(T).IsAssignableFrom(typeof(Dictionary<string, string?>)) && typeof(T) != typeof(object))
            return row => (T)(object)Dictionary(row, (r, i) => r.Text(i));
        if (typeof(T).IsAssignableFrom(typeof(Dictionary<string, JsonElement>)) && typeof(T) != typeof(object))
            return row => (T)(object)Dictionary(row, (r, i) => r.Element(i));
        return null;
    }

    static Dictionary<string, TValue> Dictionary<TValue>(Row row, Func<Row, int, TValue> read)
    {
        var made = new Dictionary<string, TValue>(row.Names.Length);
        for (var i = 0; i < row.Names.Length; i++)
            made[row.Names[i]] = read(row, i);
        return made;
    }

    static class Cache<[DynamicallyAccessedMembers(Needed)] T>
    {
        // A program has few; one that makes its columns up anew each time shall not fill the memory.
        const int Most = 64;
        static readonly Lock Lock = new();
        static readonly List<(string[] Columns, Func<Row, T> Map)> Found = [];

        public static Func<Row, T> Find(string[] columns)
        {
            lock (Lock)
                foreach (var (known, map) in Found)
                    if (known.AsSpan().SequenceEqual(columns))
                        return map;
            var made = Make<T>(columns);
            lock (Lock)
            {
                if (Found.Count == Most)
                    Found.RemoveAt(0);
                Found.Add((columns, made));
            }
            return made;
        }
    }
}
