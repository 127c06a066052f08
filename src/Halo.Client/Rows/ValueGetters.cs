using System.Collections.Frozen;
using System.Numerics;
using System.Text.Json;

namespace Halo.Client.Rows;

/// <summary>How a value of each .NET type is read: as a typed function, and as one that boxes.</summary>
static class ValueGetters
{
    static readonly FrozenDictionary<Type, (Delegate Typed, Func<Row, int, object?> Boxed)> All = new List<KeyValuePair<Type, (Delegate, Func<Row, int, object?>)>>
    {
        Value(RowValues.Bool), Nullable(RowValues.Bool),
        Value(RowValues.Whole<byte>), Nullable(RowValues.Whole<byte>),
        Value(RowValues.Whole<sbyte>), Nullable(RowValues.Whole<sbyte>),
        Value(RowValues.Whole<short>), Nullable(RowValues.Whole<short>),
        Value(RowValues.Whole<ushort>), Nullable(RowValues.Whole<ushort>),
        Value(RowValues.Whole<int>), Nullable(RowValues.Whole<int>),
        Value(RowValues.Whole<uint>), Nullable(RowValues.Whole<uint>),
        Value(RowValues.Whole<long>), Nullable(RowValues.Whole<long>),
        Value(RowValues.Whole<ulong>), Nullable(RowValues.Whole<ulong>),
        Value(RowValues.Whole<Int128>), Nullable(RowValues.Whole<Int128>),
        Value(RowValues.Big), Nullable(RowValues.Big),
        Value(RowValues.Decimal), Nullable(RowValues.Decimal),
        Value(RowValues.Real<double>), Nullable(RowValues.Real<double>),
        Value(RowValues.Real<float>), Nullable(RowValues.Real<float>),
        Value(RowValues.Moment), Nullable(RowValues.Moment),
        Value(RowValues.MomentWithOffset), Nullable(RowValues.MomentWithOffset),
        Value(RowValues.Date), Nullable(RowValues.Date),
        Value(RowValues.Clock), Nullable(RowValues.Clock),
        Value(RowValues.Span), Nullable(RowValues.Span),
        Value(RowValues.Id), Nullable(RowValues.Id),
        Value(RowValues.Character), Nullable(RowValues.Character),
        // NULL too is a JSON value.
        Value((row, column) => row.Element(column)),
        Reference((row, column) => row.Text(column)),
        Reference((row, column) => row.IsNull(column) ? null : RowValues.Binary(row, column)),
        Reference(RowValues.Plain),
    }.ToFrozenDictionary();

    /// <summary>Whether a value of a row can be read as this type.</summary>
    public static bool Knows(Type type) => All.ContainsKey(type) || (System.Nullable.GetUnderlyingType(type) ?? type).IsEnum;

    /// <summary>A <c>Func&lt;Row, int, T&gt;</c>; null: there is the boxing one alone.</summary>
    public static Delegate? Typed(Type type) => All.TryGetValue(type, out var found) ? found.Typed : null;

    public static Func<Row, int, object?> Boxed(Type type)
    {
        if (All.TryGetValue(type, out var found))
            return found.Boxed;
        if (System.Nullable.GetUnderlyingType(type) is { } value)
            return (row, column) => row.IsNull(column) ? null : RowValues.Enumeration(row, column, value);
        return (row, column) => RowValues.Enumeration(row, column, type);
    }

    static KeyValuePair<Type, (Delegate, Func<Row, int, object?>)> Value<T>(Func<Row, int, T> read) where T : struct =>
        new(typeof(T), (read, (row, column) => read(row, column)));

    static KeyValuePair<Type, (Delegate, Func<Row, int, object?>)> Nullable<T>(Func<Row, int, T> read) where T : struct
    {
        Func<Row, int, T?> orNull = (row, column) => row.IsNull(column) ? null : read(row, column);
        return new(typeof(T?), (orNull, (row, column) => orNull(row, column)));
    }

    static KeyValuePair<Type, (Delegate, Func<Row, int, object?>)> Reference<T>(Func<Row, int, T?> read) where T : class =>
        new(typeof(T), (read, read));
}
